/** Links to the Temporal UI. Pure. */
import { wholeText } from '../domain/text/shown.js';
import type { Execution } from './dependencies.js';

/** @param uiUrl with a `/` at its end */
export function linkToWorkflow(uiUrl: string, namespace: string, { workflowId, runId }: Execution): string {
  const [where, id, run] = [namespace, workflowId, runId].map(encoded);
  return `${uiUrl}namespaces/${where}/workflows/${id}/${run}/history`;
}

export function linkToSchedule(uiUrl: string, namespace: string, schedule: string): string {
  return `${uiUrl}namespaces/${encoded(namespace)}/schedules/${encoded(schedule)}`;
}

/** Halves of characters have no encoding. */
function encoded(text: string): string {
  return encodeURIComponent(wholeText(text, Infinity));
}

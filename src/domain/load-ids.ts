/**
 * Load id ⇄ workflow id, for workflows, client and command. Pure, and safe in the workflow sandbox. A load id names a
 * folder; a workflow id is anything that a parent or a schedule chose.
 */
import { WORKFLOW_ID_PREFIX } from '../contract/names.js';
import type { BulkLoadInput } from '../contract/load-input.js';

const MAX_LOAD_ID = 200;

/** The load's id: the input's own, otherwise the one that its workflow id stands for. */
export function loadIdOf(input: Pick<BulkLoadInput, 'loadId'>, workflowId: string): string {
  return input.loadId ?? loadIdFrom(workflowId);
}

/** What follows `bulk-load/` in the workflow id, or the workflow id itself. */
export function loadIdFrom(workflowId: string): string {
  const rest = workflowId.startsWith(WORKFLOW_ID_PREFIX) ? workflowId.slice(WORKFLOW_ID_PREFIX.length) : workflowId;
  // A parent may have named its child freely; characters not allowed in a folder name are replaced.
  return rest.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, MAX_LOAD_ID);
}

/** The workflow id of a load that is started by its id; a workflow id is returned unchanged. */
export function workflowIdOf(idOrWorkflowId: string): string {
  return idOrWorkflowId.startsWith(WORKFLOW_ID_PREFIX) ? idOrWorkflowId : WORKFLOW_ID_PREFIX + idOrWorkflowId;
}

/**
 * The possible workflow ids of a load with this id, likeliest first. A parent may have left out the prefix, and a
 * schedule appends a time with colons to its workflow ids, which a load id cannot contain.
 */
export function workflowIdsOf(id: string): string[] {
  const scheduled = id.replace(/(T\d\d)-(\d\d)-(\d\dZ)$/, '$1:$2:$3');
  return [...new Set([workflowIdOf(id), id, workflowIdOf(scheduled)])];
}

/** When a scheduled workflow was due, in ISO 8601: Temporal ends its id with that. */
export function dueIn(workflowId: string): string | undefined {
  const due = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.exec(workflowId)?.[0];
  return due === undefined || Number.isNaN(Date.parse(due)) ? undefined : due;
}

/** The original id of a load's child: after a termination the same part is started again under another id. */
export function withoutRestarts(childId: string): string {
  return childId.replaceAll(/\/again-\d+/g, '');
}

/** What a person types to reach a load: its load id if that resolves to it, otherwise its workflow id. */
export function reachableId(workflowId: string): string {
  const loadId = loadIdFrom(workflowId);
  return workflowIdsOf(loadId).includes(workflowId) ? loadId : workflowId;
}

/** `2026-11-30T02:00:00Z`: with a hyphen before it, the end of the id of a scheduled workflow that was due then. */
export function dueSuffix(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

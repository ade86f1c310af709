/** Lines of the worker's log about a load: the SDK adds the workflow's ids, and writes nothing while it replays. */
import { log } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';

/** Ids and counts only: no text of others, no cell of a row. */
export interface EventFacts {
  loadId?: string | undefined;
  part?: number | undefined;
  jobId?: string | undefined;
  [fact: string]: string | number | undefined;
}

export function logEvent(event: string, facts: EventFacts): void {
  log.info(event, defined(facts));
}

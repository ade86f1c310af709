/** Names of the files beside a load's results, for those who write them and those who only name them. Pure. */

/** Folder of a part inside its stage; parts are numbered from 1. */
export function partFolder(part: number): string {
  return `part-${String(part).padStart(5, '0')}`;
}

/** Folder of an execution's working files; it stays the same over continue-as-new and reset. */
export function runFolder(executionId: string): string {
  return `run-${shortRunId(executionId)}`;
}

/** In a part's folder: the job that its bytes went to. */
export const CLAIM_FILE = 'job.json';

export const SUCCEEDED_FILE = 'succeeded.csv';

/** Enough of a run id to tell runs apart: its end, because its beginning is the time. */
export function shortRunId(runId: string): string {
  return runId.slice(-8);
}

/** States of Bulk API 2.0 jobs. Pure. */

/** Whether a job's state is final: processing is over, with any result. */
export function isTerminal(state: string): boolean {
  return state === 'JobComplete' || state === 'Failed' || state === 'Aborted';
}

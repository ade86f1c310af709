/** Batches: what the platform cuts a job into, and what its daily allocation counts. Pure. */

/** Rows of a batch. */
export const ROWS_PER_BATCH = 10_000;

export function batchesFor(records: number): number {
  return Math.ceil(records / ROWS_PER_BATCH);
}

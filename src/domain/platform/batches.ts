/** Batches: what the platform cuts a job into, and what its daily allocation counts. Pure. */

/** Rows of a batch. */
const BATCH = 10_000;

export function batchesFor(records: number): number {
  return Math.ceil(records / BATCH);
}

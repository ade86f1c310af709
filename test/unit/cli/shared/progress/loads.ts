/** Answers of running loads, for tests of what is shown. */
import type { LoadProgress, PartProgress } from '../../../../../src/contract/load-progress.js';

export const NOW = Date.parse('2026-11-26T05:00:00Z');

export function part(n: number, more: Partial<PartProgress> = {}): PartProgress {
  return {
    n,
    phase: 'processing',
    jobId: `750sm00000000${String(n).padStart(2, '0')}AAA`,
    processed: 4_000,
    failed: 0,
    total: 10_000,
    ...more,
  };
}

/** Five parts: two done, two running, one waiting. */
export function loading(more: Partial<LoadProgress> = {}): LoadProgress {
  return {
    phase: 'loading',
    records: { total: 50_000, succeeded: 19_900, rejected: 0, unprocessed: 0, unaccounted: 30_100 },
    ended: 20_000,
    parts: [
      part(1, { phase: 'done', processed: 10_000, failed: 100 }),
      part(2, { phase: 'done', processed: 10_000 }),
      part(3, { failed: 12 }),
      part(4, { phase: 'uploading', processed: 0, bytes: { sent: 500, total: 1_000 } }),
      part(5, { phase: 'waiting', processed: 0 }),
    ],
    paused: false,
    ...more,
  };
}

/** So many running parts. */
export function manyParts(count: number, more: Partial<PartProgress> = {}): LoadProgress {
  return loading({ parts: Array.from({ length: count }, (_, i) => part(i + 1, more)) });
}

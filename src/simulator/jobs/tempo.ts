/** How fast an org works, and what its writes lock. */
import type { OrgFolder } from '../org-folder/read-org-folder.js';
import type { JobSettings } from './job-types.js';

interface Speed {
  rowsPerSecond: number;
  /** Part of the time that Apex takes. */
  apexShare: number;
}

export interface LockSettings {
  /** `object.field` in lower case, in addition to master-detail fields. */
  lookups: ReadonlySet<string>;
  waitMs: number;
  failuresPerBatch: number;
}

export interface Tempo {
  /**
   * Whether all jobs share the speed, with several batches at once. Otherwise each job has it alone, one batch
   * after the other, row by row: so that a test can predict everything.
   */
  isShared: boolean;
  parallelBatches: number;
  /** From 0 to 1. */
  spread: number;
  batchLimitMs: number;
  retryAfterMs: number;
  /** How often a batch may go back to the queue. */
  retries: number;
  /** Undefined: nothing is ever locked. */
  locks: LockSettings | undefined;
  seed: number;
  speedOf: (settings: JobSettings) => Speed | undefined;
}

/** @param folder of a described org */
export function tempoOf(folder: OrgFolder | undefined, seed: number): Tempo {
  const { time = {}, locks = {} } = folder?.org ?? {};
  const speeds = new Map(folder?.objects.map(({ object, file }) => [object.name, file.speed ?? {}]));
  return {
    isShared: folder !== undefined,
    parallelBatches: folder === undefined ? Infinity : (time.parallelBatches ?? 5),
    spread: time.spread ?? 0,
    batchLimitMs: folder === undefined ? Infinity : (time.batchLimitSeconds ?? 300) * 1000,
    retryAfterMs: (time.retryAfterSeconds ?? 10) * 1000,
    retries: locks.retries ?? 20,
    locks:
      folder === undefined
        ? undefined
        : {
            lookups: new Set((locks.lookups ?? []).map((name) => name.toLowerCase())),
            waitMs: (locks.waitSeconds ?? 10) * 1000,
            failuresPerBatch: locks.failuresPerBatch ?? 100,
          },
    seed,
    speedOf({ object, operation }) {
      const ofObject = speeds.get(object);
      const speed = ofObject?.[operation as keyof typeof ofObject] ?? ofObject?.any;
      return speed === undefined ? undefined : { rowsPerSecond: speed.rowsPerSecond, apexShare: speed.apexShare ?? 0 };
    },
  };
}

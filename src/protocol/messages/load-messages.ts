/** Signals and queries of the workflows, public ones first. */
import { query, signal, update } from './definitions.js';
import type { LoadProgress, LoadSoFar, PartProgress } from '../../contract/load-progress.js';
import type { Corrections, CorrectionsTaken } from '../../contract/corrections.js';

export const progressQuery = query<LoadProgress>('progress');
/** What the result would contain now; larger than the progress, which is queried every second. */
export const soFarQuery = query<LoadSoFar>('soFar');
/** No new job starts; running ones continue and are polled. */
export const pauseSignal = signal('pause');
export const resumeSignal = signal('resume');
/** Cuts short the wait for the next poll. */
export const pollNowSignal = signal('pollNow');

/** Corrections of rejected rows; accepted during the hold. */
export const submitCorrectionsUpdate = update<CorrectionsTaken, [Corrections]>('submitCorrections');

/**
 * Answered by `ingestJob`: current progress of its part. Has the same name, so that the same client code serves both.
 */
export const partProgressQuery = query<PartProgress>('progress');

/** From `ingestJob` to its parent: progress of its part. */
export const partProgressSignal = signal<[PartNow]>('partProgress');

/** From `retryFailedRows` to its parent: what it is doing or waiting for. */
export const retryProgressSignal = signal<[text: string]>('retryProgress');

/** What parents keep of a running part. */
export type PartNow = PartProgress & {
  waitingFor?: string;
  inQuestion?: boolean;
  /** Its job has completed and no row failed: only its results are still downloaded. */
  landed?: boolean;
};

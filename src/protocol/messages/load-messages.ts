/** Signals and queries of the workflows, public ones first. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

import type { LoadProgress, LoadSoFar, PartProgress } from '../../contract/load-progress.js';
import type { Corrections, CorrectionsTaken } from '../../contract/corrections.js';

export const progressQuery = defineQuery<LoadProgress>('progress');
/** What the result would contain now; larger than the progress, which is queried every second. */
export const soFarQuery = defineQuery<LoadSoFar>('soFar');
/** No new job starts; running ones continue and are polled. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** Cuts short the wait for the next poll. */
export const pollNowSignal = defineSignal('pollNow');

/** Corrections of rejected rows; accepted during the hold. */
export const submitCorrectionsUpdate = defineUpdate<CorrectionsTaken, [Corrections]>('submitCorrections');

/**
 * Answered by `ingestJob`: current progress of its part. Has the same name, so that the same client code serves both.
 */
export const partProgressQuery = defineQuery<PartProgress>('progress');

/** From `ingestJob` to its parent: progress of its part. */
export const partProgressSignal = defineSignal<[PartNow]>('partProgress');

/** From `retryFailedRows` to its parent: what it is doing or waiting for. */
export const retryProgressSignal = defineSignal<[text: string]>('retryProgress');

/** What parents keep of a running part. */
export type PartNow = PartProgress & {
  waitingFor?: string;
  inQuestion?: boolean;
  /** Its job has completed and no row failed: only its results are still downloaded. */
  landed?: boolean;
};

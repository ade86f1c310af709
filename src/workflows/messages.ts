/** Signals and queries of the workflows, public ones first. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { PartNow } from './job-run.js';
import type { Corrections, CorrectionsTaken, LoadProgress, LoadSoFar, PartProgress } from '../contract.js';

export const progressQuery = defineQuery<LoadProgress>('progress');
/** What the result would say now; longer than the progress, which is asked for every second. */
export const soFarQuery = defineQuery<LoadSoFar>('soFar');
/** No new job is started; running ones go on and are polled. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** Cuts the wait for the next look short. */
export const pollNowSignal = defineSignal('pollNow');

/** Rejected rows, corrected: taken while the load holds. */
export const submitCorrectionsUpdate = defineUpdate<CorrectionsTaken, [Corrections]>('submitCorrections');

/** Answered by `ingestJob`: how its part is doing right now. Its own name, so that the same client code serves both. */
export const partProgressQuery = defineQuery<PartProgress>('progress');

/** From `ingestJob` to its parent: how its part is doing. */
export const partProgressSignal = defineSignal<[PartNow]>('partProgress');

/** From `retryFailedRows` to its parent: what it does or waits for. */
export const retryProgressSignal = defineSignal<[text: string]>('retryProgress');

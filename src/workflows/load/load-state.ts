/** State of a `bulkLoad`: plain data, small enough to be carried over continue-as-new, and how results are entered. */
import type { LoadError } from '../../contract/load-result.js';
import type { LoadPhase } from '../../contract/load-phases.js';
import type { PartProgress } from '../../contract/load-progress.js';
import { defined } from '../../domain/defined.js';
import type { EndedStage, PartOutcome } from '../../protocol/activities/ended-parts.js';
import type { Evidence, OrgRef } from '../../protocol/activities/job-types.js';
import type { LocatedSource } from '../../protocol/activities/source-types.js';
import type { Stage } from '../../protocol/activities/plan-types.js';
import { isExceptional } from '../../domain/part-outcome.js';
import { stopError } from '../../domain/platform/row-errors.js';
import type { Finish } from './finish-by/finish-state.js';
import { enterListed } from './parts/listed-parts.js';
import { succeededUri } from './parts/stage-parts.js';
import type { Timeline } from '../../protocol/activities/report-types.js';
import { emptyTally, enterJobs, enterPart } from './tally.js';
import type { Tally } from './tally.js';
import type { LoadSettings } from '../../domain/input/resolve-input.js';
import type { RetryResult } from '../retry/retry-state.js';
import { listSucceeded, noFiles } from '../support/result-files.js';
import type { ResultFiles } from '../support/result-files.js';
import { enterWarnings } from '../support/warnings.js';
import { enterEvidence, enterLost } from '../job/job-state.js';
import type { IngestJobResult, LostJobs } from '../job/job-state.js';

export interface CarriedState {
  phase: LoadPhase;
  tally: Tally;
  located?: LocatedSource;
  org?: OrgRef;
  stage?: Stage;
  /** In the org's spelling. */
  object?: string;
  /** Workflow time at which the load began; absent if an earlier version began it. */
  startedAt?: number;
  /** When phases began and the load was paused; absent if an earlier version began it. */
  timeline?: Timeline;
  /** Workflow time until which all jobs of the load are known, and at which that became doubtful. */
  jobsKnownUntil?: number;
  timeGapAt?: number;
  /** Workflow time at which the first part was started. */
  loadingSince?: number;
  /** The next part to start. */
  next: number;
  /** How the parts ended: of the first pass, then of each round and each file of corrections. */
  ended: EndedStage[];
  /** What is left of the first pass. */
  left: LeftOver;
  /** Ended parts of the first pass, as far as they are shown. */
  shown: PartProgress[];
  files: ResultFiles;
  /** What did not land has been sorted into rejected and unprocessed. */
  triaged: boolean;
  error?: LoadError;
  /** Error of the first job that failed as a whole and whose rows have not been sent again. */
  failedWhole?: LoadError;
  canceled: boolean;
  /** Outlives a run, unlike a signal. */
  paused?: boolean;
  lost: LostJobs;
  /** Jobs that may be Open and are not certainly ours. */
  openJobs: string[];
  warnings: string[];
  /** Of a load with `finishBy`. */
  finish?: Finish;
  /** Events that people were told about. */
  notified?: number;
  /** What the worker answered before it had seen the source. */
  notify?: { waits?: number[] };
  /** Files of corrections that were accepted or refused. */
  corrections: number;
  /** Workflow time at which the load stops waiting for corrections. */
  holdUntil?: number;
}

/** Rows of the first pass that did not simply land, summed over its parts. */
export interface LeftOver {
  /** Parts with rows to sort. */
  parts: number;
  /** In parts with results: failed rows, and those of them that may pass unchanged. */
  failed: number;
  passing: number;
  /** Includes the rows of jobs that failed as a whole and may be sent again. */
  unprocessed: number;
  /** Rows that no result file names. */
  missing: number;
  /** Parts whose result files name more or fewer rows than were sent. */
  unmatched: number;
}

function nothingLeft(): LeftOver {
  return { parts: 0, failed: 0, passing: 0, unprocessed: 0, missing: 0, unmatched: 0 };
}

export function enterLeft(left: LeftOver, outcome: PartOutcome): void {
  const { kind, counts, missing } = outcome;
  if (!isExceptional(outcome)) return;
  left.parts++;
  if (missing !== 0) left.unmatched++;
  left.unprocessed += counts.unprocessed;
  if (kind !== 'loaded') return;
  left.failed += counts.failed;
  left.passing += counts.failed - counts.failedForGood;
  left.missing += Math.max(0, missing);
}

export function emptyState(): CarriedState {
  return {
    phase: 'preparing',
    tally: emptyTally(),
    next: 1,
    ended: [],
    left: nothingLeft(),
    shown: [],
    files: noFiles(),
    triaged: false,
    canceled: false,
    lost: { creates: [] },
    openJobs: [],
    warnings: [],
    corrections: 0,
  };
}

/** What a child needs to know about the load to find unknown jobs. */
export function evidenceFor(
  { located, jobsKnownUntil = 0, timeGapAt, startedAt }: CarriedState,
  load: string,
): Evidence {
  return {
    load,
    workUri: (located as LocatedSource).workUri,
    jobsKnownUntil,
    ...defined({ timeGapAt, startedAt }),
  };
}

/** Enters the outcome of a first-pass job. */
export function enterJob(state: CarriedState, stage: Stage, result: IngestJobResult): void {
  const { outcome } = result;
  const [ended] = state.ended;
  ended?.outcomes.push(outcome);
  ended?.jobs.push(...result.jobs);
  enterPart(state.tally, outcome);
  enterJobs(state.tally, result.jobs);
  enterLeft(state.left, outcome);
  enterListed(state.shown, stage, outcome);
  state.tally.apiRequests += result.apiRequests;
  if (!result.filesAgree) state.tally.disagreeing++;
  if (outcome.counts.succeeded > 0) listSucceeded(state.files, succeededUri(stage, outcome.part));
  // Every further part would fail in the same way.
  if (outcome.counts.stop !== undefined) state.error ??= stopError(outcome.counts.stop);
  enterWarnings(state.warnings, result.warnings);
  enterLost(state.lost, result.lost);
  enterEvidence(state, result);
  if (result.failedWhole !== undefined) state.failedWhole ??= result.failedWhole;
  if (result.error !== undefined) state.error ??= result.error;
}

/** Enters the retry's outcome: it has sorted what did not land in the first pass. */
export function enterRetry(state: CarriedState, result: RetryResult): void {
  delete state.failedWhole;
  state.tally.unprocessed = 0;
  const [first] = state.ended;
  if (first !== undefined && result.alreadyDone !== undefined) first.alreadyDone = result.alreadyDone;
  enterCorrected(state, result);
  state.triaged = true;
}

/** Enters the outcome of rows that were rejected and came back corrected. */
export function enterCorrected(state: CarriedState, result: RetryResult): void {
  const { tally } = state;
  const more = result.tally;
  tally.succeeded += more.succeeded;
  tally.rejected += more.rejected;
  tally.unprocessed += more.unprocessed;
  tally.recovered += more.recovered;
  tally.rerendered += more.rerendered;
  tally.rounds += more.rounds;
  tally.disagreeing += more.disagreeing;
  enterJobs(tally, more.jobs, more.jobsTotal);
  tally.apiRequests += more.apiRequests;
  state.ended.push(...result.ended);
  listSucceeded(state.files, ...result.files.succeeded);
  state.files.rejected.push(...result.files.rejected);
  state.files.unprocessed.push(...result.files.unprocessed);
  state.files.changes.push(...result.files.changes);
  enterWarnings(state.warnings, result.warnings);
  enterLost(state.lost, result.lost);
  enterEvidence(state, result);
  if (result.error !== undefined) state.error ??= result.error;
}

/** Whether a retry may help rows of the first pass. */
export function mayRetry(
  { left, tally }: CarriedState,
  operation: string,
  { retry }: Pick<LoadSettings, 'retry'>,
): boolean {
  // An insert whose files are not trusted could be applied twice.
  if (operation === 'insert' && (tally.disagreeing > 0 || left.unmatched > 0)) return false;
  const failed = retry.fixes.length > 0 ? left.failed : left.passing;
  return failed + left.unprocessed > 0 || (left.missing > 0 && operation !== 'insert');
}

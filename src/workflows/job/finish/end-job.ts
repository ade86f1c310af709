/** How a job ends, whatever happened to it: not Open, settled, its results downloaded and counted. */
import { defined } from '../../../domain/defined.js';
import { isTerminal } from '../../../domain/platform/job-states.js';
import { isNotOurs, toLoadError, withUnknownClock } from '../../../domain/failures.js';
import type { PartOutcome } from '../../../protocol/activities/ended-parts.js';
import type { JobStatus } from '../../../protocol/activities/job-types.js';
import { NO_ROWS } from '../../../domain/part-outcome.js';
import { missingRows, nothingApplied } from '../result-counts.js';
import type { IngestJob } from '../job.js';
import { enterLost } from '../job-state.js';
import type { IngestJobResult, JobState } from '../job-state.js';
import { mayBeSentAgain } from './failure-advice.js';
import { abortedByOthers, failedAsAWhole, leftAlone, mayHaveBeenSent, notAborted } from './end-errors.js';
import { settleAndDownload } from './settle.js';
import { enterWarnings } from '../../support/warnings.js';

/** What is known of the rows once the job has ended. */
interface JobEnd extends Pick<PartOutcome, 'kind' | 'counts'> {
  filesAgree: boolean;
}

const NOT_STARTED: JobEnd = { kind: 'notStarted', counts: NO_ROWS, filesAgree: true };
const LOST: JobEnd = { kind: 'lost', counts: NO_ROWS, filesAgree: false };

/** Runs however the job ended, in a scope that cancellation does not reach. */
export async function endJob(job: IngestJob): Promise<JobEnd> {
  const end = await endOf(job);
  const times = job.state.jobs.at(-1)?.times;
  if (end.kind === 'loaded' && times !== undefined) times.counted = Date.now();
  job.enterPhase(end.kind === 'loaded' ? 'done' : 'failed');
  return end;
}

/** The result for the parent. */
export function resultOf({ input, state }: IngestJob, { kind, counts, filesAgree }: JobEnd): IngestJobResult {
  const { jobs, apiRequests, canceled, lost, error, failedWhole, warnings, jobsKnownUntil, timeGapAt } = state;
  const missing = kind === 'loaded' ? missingRows(input.records, counts) : 0;
  return {
    outcome: { part: input.part, kind, counts, missing },
    jobs,
    apiRequests,
    filesAgree,
    canceled,
    lost,
    ...(warnings.length > 0 && { warnings }),
    ...defined({ error, failedWhole, jobsKnownUntil, timeGapAt }),
  };
}

async function endOf(job: IngestJob): Promise<JobEnd> {
  const { input, state } = job;
  if (state.question !== undefined) {
    state.error ??= mayHaveBeenSent(input.part, state.question);
    return LOST;
  }
  if (state.jobId === undefined) return NOT_STARTED;
  if (isRefused(state)) return forgetJob(job);
  if (!(await mayBeAborted(job))) {
    if (isRefused(state)) return forgetJob(job);
    state.error = leftAlone(state);
    return LOST;
  }
  try {
    if (!job.hasEnded || state.last?.id !== state.jobId) await job.abort();
  } catch (error) {
    if (enterIfNotOurs(state, error)) return forgetJob(job);
    state.error = notAborted(state, error);
    return { ...(state.closed ? LOST : NOT_STARTED), filesAgree: true };
  }
  // Never closed, so none of it was ever processed.
  if (!state.closed && ['Aborted', 'Deleted'].includes(state.last?.state ?? '')) return NOT_STARTED;
  try {
    const { counts, filesAgree } = await settleAndDownload(job);
    const last = state.last as JobStatus;
    const nothing = nothingApplied(last, counts);
    explainEnd(state, last, nothing);
    if (!nothing) return { kind: 'loaded', counts, filesAgree };
    // Regardless of what its files say: all its rows are unprocessed, and the source has them.
    return state.failedWhole === undefined
      ? NOT_STARTED
      : { ...NOT_STARTED, counts: { ...NO_ROWS, unprocessed: input.records } };
  } catch (error) {
    if (enterIfNotOurs(state, error)) return forgetJob(job);
    state.error ??= toLoadError(error);
    return LOST;
  }
}

function isRefused({ error }: JobState): boolean {
  return error?.code === 'JOB_NOT_OURS';
}

/** It takes precedence over earlier errors. */
function enterIfNotOurs(state: JobState, error: unknown): boolean {
  if (!isNotOurs(error)) return false;
  state.error = toLoadError(error);
  return true;
}

/**
 * A job that is not ours does not belong to this load: nothing may end it, now or later. What a worker created in its
 * place is unknown, so it is searched for like any create whose answer was lost.
 */
function forgetJob(job: IngestJob): JobEnd {
  const { state } = job;
  state.jobs = state.jobs.filter(({ id }) => id !== state.jobId);
  job.markJobIds();
  if (state.adopted !== true && state.since !== undefined) {
    enterLost(state.lost, { creates: [withUnknownClock({ from: state.since, to: Date.now() })] });
  }
  // Its rows went nowhere, unless they are in a job that was to be adopted.
  return state.closed ? LOST : NOT_STARTED;
}

/**
 * A job that may be running is not aborted just because it could not be polled: its rows are landing. Where a close
 * failed, the job itself shows whether it was closed.
 */
async function mayBeAborted(job: IngestJob): Promise<boolean> {
  const { state } = job;
  if (state.canceled || !state.closed) return true;
  if (state.unseen === true) return false;
  if (state.last !== undefined && state.last.id === state.jobId) return true;
  try {
    const { state: platformState } = await job.poll(`check whether ${state.jobId} was closed`);
    return platformState === 'Open' || isTerminal(platformState);
  } catch (error) {
    enterIfNotOurs(state, error);
    return false;
  }
}

/**
 * A job that could not begin for a permanent reason, or that another user aborted, needs a person. One that failed
 * partway, or as a whole for a temporary reason, is retried.
 */
function explainEnd(state: JobState, last: JobStatus, nothing: boolean): void {
  if (state.error !== undefined || state.canceled) return;
  if (last.state === 'Aborted') {
    // The rows that an adopted job left are retried.
    if (state.adopted !== true || nothing) state.error = abortedByOthers(last);
  } else if (nothing) {
    const { failed, error } = failedAsAWhole(last);
    if (!mayBeSentAgain(last)) {
      state.error = error;
      return;
    }
    state.failedWhole = error;
    enterWarnings(state.warnings, [`${failed} Its rows are retried.`]);
  }
}

/**
 * One Bulk API 2.0 ingest job: create, upload, close, poll on timers, download. However it ends, the job is not left
 * Open, and what landed is downloaded and counted.
 */
import { ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';
import {
  CancellationScope,
  condition,
  continueAsNew,
  ContinueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { isTerminal } from '../contract.js';
import { grantedSignal } from './allocation/messages.js';
import { pollFactor } from './allocation/scarcity.js';
import {
  endTurn,
  isUsedUp,
  learnFromFailure,
  ranOutOfQuota,
  refusedTurn,
  renewMeanwhile,
  renewTurn,
  takeTurn,
} from './allocation/turn.js';
import type { Grants } from './allocation/turn.js';
import { noteWait, settleQuestion } from './earlier-jobs.js';
import { nothingApplied } from './books.js';
import {
  believedAfter,
  innermostFailure,
  mayPassLater,
  ranOutOfTime,
  toLoadError,
  withUnknownClock,
} from './failures.js';
import { enterLost, newRun, partProgress } from './job-run.js';
import { abortCurrent, enterJobPhase, fetchResults, look, show } from './job-calls.js';
import { finish } from './job-ending.js';
import type { Doubt } from '../activities/types.js';
import type { IngestJobInput, IngestJobResult, JobRun } from './job-run.js';
import { adopt, giveUp, send } from './job-sending.js';
import { handedOn, handOn, refuseUnlessChild } from './origin.js';
import { heard, nothing, readGrant } from './received.js';
import type { Grant } from './received.js';
import { partProgressQuery, partProgressSignal, pauseSignal, pollNowSignal, resumeSignal } from './messages.js';
import { nextPollDelay } from './polling.js';
import { onFiles, shared } from './steps.js';
import { pollWait } from './words.js';

/** Waits before a job is created anew after an upload that failed; then the load ends cleanly. */
const UPLOAD_WAITS = ['5s', '30s', '2m', '10m', '30m', '1h', '2h', '4h'] as const;
/** A part that is done sooner is not worth a signal to the parent. */
const FIRST_SIGNAL_AFTER_MS = 10_000;
/** Each signal costs the parent events, so the next ones are rare; who wants to know more asks this workflow. */
const NEXT_SIGNAL_AFTER_MS = 3_600_000;

/** Kept of those that have come; only the one that is waited for counts. */
const MOST_GRANTS = 20;

export async function ingestJob(input: IngestJobInput, carried?: JobRun): Promise<IngestJobResult> {
  refuseUnlessChild('ingestJob');
  const state = handedOn(carried);
  // A run of an earlier version carries less.
  const run: JobRun = { ...newRun(), ...state };
  noteReset(run, state);
  const root = CancellationScope.current();
  const nudge = { asked: false };
  const grants: Grants = new Map();
  setHandler(
    pollNowSignal,
    heard('pollNow', nothing, () => void (nudge.asked = true)),
    {
      description: 'Looks at the job now instead of at the next timer.',
    },
  );
  const granted = ({ id, ...grant }: Grant): void => {
    if (id === run.turn.id) grants.clear();
    if (grants.size < MOST_GRANTS) grants.set(id, grant);
  };
  setHandler(grantedSignal, heard('granted', readGrant, granted), {
    description: "Sent by the ledger of the org's allocation: the job may be created.",
  });
  setHandler(
    pauseSignal,
    heard('pause', nothing, () => void (run.paused = true)),
    { description: 'Creates no job until `resume`.' },
  );
  const resume = (): void => {
    // After a pause it answers nothing but the pause.
    if (!run.paused && run.question !== undefined) run.released = true;
    run.paused = false;
  };
  setHandler(resumeSignal, heard('resume', nothing, resume), {
    description: 'Creates jobs again after a pause; sends the part whose earlier job a person was asked for.',
  });
  setHandler(partProgressQuery, () => partProgress(input, run), { description: 'How the job is doing.' });
  try {
    do {
      if (!run.closed) await submit(input, run, grants, nudge);
      await watch(input, run, nudge);
    } while (await waitedForQuota(input, run));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (isCancellation(error)) run.canceled = true;
    else run.error ??= toLoadError(error);
  }
  const result = await CancellationScope.nonCancellable(() => end(input, run, root));
  if (result.error === undefined || result.canceled) return result;
  throw ApplicationFailure.create({
    type: result.error.code,
    message: result.error.message,
    nonRetryable: true,
    details: [result],
  });
}

/** The ledger is told as soon as it is known what the job has used: at its end, while the results are fetched. */
async function end(input: IngestJobInput, run: JobRun, root: CancellationScope): Promise<IngestJobResult> {
  const complete = run.last?.state === 'JobComplete' && run.last.id === run.jobId;
  await learnFromFailure(run);
  const [result] = await Promise.all([finish(input, run, root), complete && endTurn(input, run)]);
  if (!complete) await endTurn(input, run);
  const { warnings, soundAt, doubtAt } = run;
  return {
    ...result,
    ...(warnings.length > 0 && { warnings }),
    ...(soundAt !== undefined && { soundAt }),
    ...(doubtAt !== undefined && { doubtAt }),
  };
}

/** The run before a reset may have been creating a job, whose id then nobody learned. */
function noteReset(run: JobRun, carried: JobRun | undefined): void {
  const { runId, firstExecutionRunId, startTime } = workflowInfo();
  if (carried !== undefined || runId === firstExecutionRunId) return;
  enterLost(run.lost, { creates: [withUnknownClock({ from: startTime.getTime(), to: Date.now() })] });
}

/** Create, upload, close. A PUT is never repeated on the same job: after a failure the job is aborted, another created. */
async function submit(input: IngestJobInput, run: JobRun, grants: Grants, nudge: { asked: boolean }): Promise<void> {
  let refused: Doubt | undefined;
  for (let attempt = 0; ; attempt++) {
    const earlier = await settleQuestion(input, run, nudge, async () => {
      show(input, run);
      await tellParent(input, run);
    });
    if (earlier !== undefined && (await adopt(input, run, earlier))) return;
    await waitForTurn(input, run, grants);
    try {
      if (await renewMeanwhile(run, () => send(input, run))) return;
      await endTurn(input, run);
    } catch (error) {
      const wait = UPLOAD_WAITS[attempt];
      const { code } = toLoadError(error);
      // After the close nothing is sent again: the job's own state decides.
      if (run.closed || isCancellation(error)) throw error;
      if (isUsedUp(code)) {
        // No fault of the part: it waits until the window has moved, however often.
        attempt--;
        await abortCurrent(input, run, shared(input.outageMs));
        delete run.jobId;
        await refusedTurn(input, run, code);
        continue;
      }
      if (refused?.code !== code) refused = { code, since: Date.now() };
      const changedByOthers = code === 'INVALID_JOB_STATE';
      if (wait === undefined || !(changedByOthers || mayBeSentAgain(error, refused))) throw error;
      if (await giveUp(input, run)) return;
      // Our Open job was ended by nobody whom this run knows.
      if (changedByOthers) run.doubtAt = Date.now();
      await endTurn(input, run);
      const waitingSince = Date.now();
      await sleep(wait, { summary: `upload failed (${code}): next job in ${wait}` });
      noteWait(run, waitingSince + msToNumber(wait));
    }
  }
}

async function waitForTurn(input: IngestJobInput, run: JobRun, grants: Grants): Promise<void> {
  delete run.jobId;
  for (;;) {
    enterJobPhase(input, run, 'waiting');
    await condition(() => !run.paused);
    await takeTurn(input, run, grants, async () => {
      show(input, run);
      if (input.reportProgress) await tellParent(input, run);
    });
    if (!run.paused) return;
    // Others may use what was granted meanwhile.
    await endTurn(input, run);
  }
}

/**
 * A job that failed for want of allocation before its first row is no fault of the part, which is sent again once the
 * window has moved. Its files say for certain that nothing of it was applied.
 */
async function waitedForQuota(input: IngestJobInput, run: JobRun): Promise<boolean> {
  const { last } = run;
  if (last === undefined || !ranOutOfQuota(last) || last.processed > 0 || last.failed > 0) return false;
  const counts = await fetchResults(input, run, onFiles(input.filesQueue, input.outageMs));
  if (!nothingApplied(last, counts)) return false;
  await refusedTurn(input, run, 'EXCEEDED_QUOTA');
  delete run.jobId;
  delete run.last;
  Object.assign(run, { closed: false, looks: [], polls: 0 } satisfies Partial<JobRun>);
  return true;
}

/** @param since when this failure came first */
function mayBeSentAgain(error: unknown, { code, since }: Doubt): boolean {
  if (ranOutOfTime(error)) return false;
  const believed = believedAfter(error);
  if (believed !== undefined && Date.now() - since >= believed) return false;
  const cause = innermostFailure(error);
  // It was waited for as long as an outage may take: no worker sees the file any more.
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') return false;
  return code === 'MULTIPLE_CONTENTS' || mayPassLater(error);
}

/** Timer by timer until the job ends. */
async function watch(input: IngestJobInput, run: JobRun, nudge: { asked: boolean }): Promise<void> {
  enterJobPhase(input, run, 'processing');
  let signalAt = run.closedAt + FIRST_SIGNAL_AFTER_MS;
  while (!isTerminal(run.last?.state ?? 'Open')) {
    const now = Date.now();
    const left = run.closedAt + input.jobTimeoutMs - now;
    if (left <= 0) {
      throw ApplicationFailure.nonRetryable(
        `Job ${run.jobId} did not end within jobTimeout (${input.jobTimeoutMs / 60_000} min) and was aborted. ` +
          'Rows that it had not processed are in the unprocessed file.',
        'JOB_TIMED_OUT',
      );
    }
    const history = { startedAt: run.closedAt, total: input.records, looks: run.looks.slice(1), count: run.polls };
    const wait = nextPollDelay(input.poll, history, now, Math.random()) * pollFactor(run.last?.apiUsed);
    const delay = Math.min(left, wait);
    await condition(() => nudge.asked, delay, { summary: pollWait(run, input, delay) });
    nudge.asked = false;
    noteWait(run, now + delay);
    run.polls++;
    await look(input, run, `poll ${run.polls} of ${run.jobId}`);
    if (!isTerminal(run.last?.state ?? '')) await renewTurn(run);
    if (input.reportProgress && Date.now() >= signalAt && !isTerminal(run.last?.state ?? '')) {
      signalAt = Date.now() + Math.max(NEXT_SIGNAL_AFTER_MS, Date.now() - run.closedAt);
      await tellParent(input, run);
    }
    if (workflowInfo().continueAsNewSuggested && !isTerminal(run.last?.state ?? '')) {
      await continueAsNew<typeof ingestJob>(input, handOn(run));
    }
  }
}

async function tellParent(input: IngestJobInput, run: JobRun): Promise<void> {
  const parent = workflowInfo().parent;
  if (parent === undefined) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(partProgressSignal, partProgress(input, run));
  } catch (error) {
    // A parent that has gone does not stop the job.
    if (isCancellation(error)) throw error;
  }
}

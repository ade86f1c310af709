/**
 * One Bulk API 2.0 ingest job: create, upload, close, poll on timers, download. However it ends, the job is not left
 * Open, and what landed is downloaded and counted.
 */
import { ApplicationFailure } from '@temporalio/common';
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
import { maybeApplied, mayPassLater, toLoadError } from './failures.js';
import { enterLook, newRun, partProgress } from './job-run.js';
import { abortCurrent, counted, enterJobPhase, jobRef, look } from './job-calls.js';
import { finish } from './job-ending.js';
import type { IngestJobInput, IngestJobResult, JobRun } from './job-run.js';
import { partProgressQuery, partProgressSignal, pollNowSignal } from './messages.js';
import { nextPollDelay } from './polling.js';
import { shared, uploadOn } from './steps.js';
import { markSearchAttributes } from './visibility.js';
import { pollWait } from './words.js';

/** Waits before a job is created anew after an upload that failed; then the load ends cleanly. */
const UPLOAD_WAITS = ['5s', '30s', '2m', '10m', '30m', '1h', '2h', '4h'] as const;
/** A part that is done sooner is not worth a signal to the parent. */
const FIRST_SIGNAL_AFTER_MS = 10_000;
/** Each signal costs the parent events, so the next ones are rare; who wants to know more asks this workflow. */
const NEXT_SIGNAL_AFTER_MS = 3_600_000;

export async function ingestJob(input: IngestJobInput, carried?: JobRun): Promise<IngestJobResult> {
  const run = carried ?? newRun();
  const nudge = { asked: false };
  setHandler(pollNowSignal, () => void (nudge.asked = true), {
    description: 'Looks at the job now instead of at the next timer.',
  });
  setHandler(partProgressQuery, () => partProgress(input, run), { description: 'How the job is doing.' });
  try {
    if (!run.closed) await submit(input, run);
    await watch(input, run, nudge);
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (isCancellation(error)) run.canceled = true;
    else run.error ??= toLoadError(error);
  }
  const result = await CancellationScope.nonCancellable(() => finish(input, run));
  if (result.error === undefined || result.canceled) return result;
  throw ApplicationFailure.create({
    type: result.error.code,
    message: result.error.message,
    nonRetryable: true,
    details: [result],
  });
}

/** Create, upload, close. A PUT is never repeated on the same job: after a failure the job is aborted, another created. */
async function submit(input: IngestJobInput, run: JobRun): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await createAndUpload(input, run);
      return await close(input, run);
    } catch (error) {
      const wait = UPLOAD_WAITS[attempt];
      // After the close nothing is sent again: the job's own state decides.
      if (run.closed || isCancellation(error) || wait === undefined || !mayBeSentAgain(error)) throw error;
      await abortCurrent(input, run);
      await sleep(wait, { summary: `upload failed (${toLoadError(error).code}): next job` });
    }
  }
}

function mayBeSentAgain(error: unknown): boolean {
  const { code } = toLoadError(error);
  return code === 'MULTIPLE_CONTENTS' || mayPassLater(error);
}

async function createAndUpload(input: IngestJobInput, run: JobRun): Promise<void> {
  const { connection, apiVersion, object, operation, columnDelimiter, lineEnding } = input;
  delete run.jobId;
  enterJobPhase(input, run, 'creating');
  const { jobId } = await counted(
    run,
    shared.createJob.executeWithOptions({ summary: `${operation} ${object}, part ${input.part}` }, [
      {
        connection,
        apiVersion,
        object,
        operation,
        columnDelimiter,
        lineEnding,
        ...(operation === 'upsert' && input.externalIdFieldName && { externalIdFieldName: input.externalIdFieldName }),
        ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
      },
    ]),
  );
  run.jobId = jobId;
  run.jobs.push({ id: jobId, operation, state: 'Open', records: 0, failed: 0, polls: 0 });
  markSearchAttributes(input.searchAttributes, { NightloadJobIds: run.jobs.map(({ id }) => id) });
  enterJobPhase(input, run, 'uploading');
  const job = run.jobs.at(-1);
  try {
    const sent = await counted(
      run,
      uploadOn(input.filesQueue).uploadPart.executeWithOptions({ summary: `${input.records} rows to ${jobId}` }, [
        { ...jobRef(input, run), stageUri: input.stageUri, part: input.part },
      ]),
    );
    if (job !== undefined) job.records = sent.records;
  } catch (error) {
    if (job !== undefined && maybeApplied(error)) job.records = input.records;
    throw error;
  }
}

async function close(input: IngestJobInput, run: JobRun): Promise<void> {
  enterJobPhase(input, run, 'closing');
  try {
    const look = await counted(
      run,
      shared.closeJob.executeWithOptions({ summary: `close ${run.jobId}` }, [jobRef(input, run)]),
    );
    run.closed = true;
    run.closedAt = Date.now();
    enterLook(run, look, run.closedAt);
  } catch (error) {
    // Refused for good because of two uploads: it was never closed. Anything else may have closed it.
    if (toLoadError(error).code !== 'MULTIPLE_CONTENTS') run.closed = true;
    throw error;
  }
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
    const delay = Math.min(left, nextPollDelay(input.poll, history, now, Math.random()));
    await condition(() => nudge.asked, delay, { summary: pollWait(run, input, delay) });
    nudge.asked = false;
    run.polls++;
    await look(input, run, `poll ${run.polls} of ${run.jobId}`);
    if (input.reportProgress && Date.now() >= signalAt && !isTerminal(run.last?.state ?? '')) {
      signalAt = Date.now() + Math.max(NEXT_SIGNAL_AFTER_MS, Date.now() - run.closedAt);
      await tellParent(input, run);
    }
    if (workflowInfo().continueAsNewSuggested && !isTerminal(run.last?.state ?? '')) {
      await continueAsNew<typeof ingestJob>(input, run);
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

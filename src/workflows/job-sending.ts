/** Create, upload, close: how the rows of a part become a job that the platform works on. */
import { sleep } from '@temporalio/workflow';
import type { JobSummary } from '../contract.js';
import { USED_UP } from './allocation/turn.js';
import { nothingApplied } from './books.js';
import { evidenceOf, findEarlier } from './earlier-jobs.js';
import { lostCreatesOf, maybeApplied, toLoadError } from './failures.js';
import { abortCurrent, counted, enterJobPhase, fetchResults, jobRef, look } from './job-calls.js';
import { enterLook, enterLost } from './job-run.js';
import type { IngestJobInput, JobRun } from './job-run.js';
import { settleDelay } from './polling.js';
import { onFiles, shared, uploadOn } from './steps.js';
import { markSearchAttributes } from './visibility.js';
import { count } from './words.js';

/** False when the part is to be sent anew: the load was paused meanwhile, or the job of an earlier run came to nothing. */
export async function send(input: IngestJobInput, run: JobRun): Promise<boolean> {
  const inDoubt = await create(input, run);
  if (run.paused) {
    await abortCurrent(input, run, shared(input.outageMs));
    return false;
  }
  if (inDoubt) {
    const earlier = await findEarlier(input, run);
    if (earlier !== undefined) return adopt(input, run, earlier);
    if (run.question !== undefined) {
      await abortCurrent(input, run, shared(input.outageMs));
      return false;
    }
  }
  const sentBefore = await upload(input, run);
  if (sentBefore !== undefined) return adopt(input, run, sentBefore);
  await close(input, run);
  return true;
}

/** @returns whether the part may have been sent before, in a run that was restored away */
async function create(input: IngestJobInput, run: JobRun): Promise<boolean> {
  const { connection, apiVersion, object, operation, columnDelimiter, lineEnding } = input;
  enterJobPhase(input, run, 'creating');
  // A used-up allocation is waited for with the ledger, not by asking again and again.
  const retry = {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '2m',
    nonRetryableErrorTypes: USED_UP,
  };
  try {
    const { jobId, createdById, lostCreates, aheadMs, inDoubt } = await counted(
      run,
      shared(input.outageMs).createJob.executeWithOptions(
        { summary: `${operation} ${object}, part ${input.part}`, retry },
        [
          {
            connection,
            apiVersion,
            object,
            operation,
            columnDelimiter,
            lineEnding,
            stageUri: input.stageUri,
            ...(operation === 'upsert' &&
              input.externalIdFieldName && { externalIdFieldName: input.externalIdFieldName }),
            ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
            ...evidenceOf(input, run),
          },
        ],
      ),
    );
    enterLost(run.lost, { creates: lostCreates, ...(createdById !== undefined && { createdById }) });
    enterJob(input, run, jobId);
    run.aheadMs = aheadMs;
    return inDoubt;
  } catch (error) {
    enterLost(run.lost, { creates: lostCreatesOf(error, Date.now()) });
    throw error;
  }
}

function enterJob(input: IngestJobInput, run: JobRun, jobId: string, records = 0): JobSummary {
  const job: JobSummary = { id: jobId, operation: input.operation, state: 'Open', records, failed: 0, polls: 0 };
  run.jobId = jobId;
  delete run.adopted;
  run.jobs.push(job);
  markSearchAttributes(input.searchAttributes, { NightloadJobIds: run.jobs.map(({ id }) => id) });
  return job;
}

/** Gives the job that has had this part already, when there is one: then nothing was sent. */
async function upload(input: IngestJobInput, run: JobRun): Promise<string | undefined> {
  enterJobPhase(input, run, 'uploading');
  const job = run.jobs.at(-1) as JobSummary;
  const replaces = run.jobs.slice(0, -1).map(({ id }) => id);
  try {
    const sent = await counted(
      run,
      uploadOn(input.filesQueue, input.outageMs).uploadPart.executeWithOptions(
        { summary: `${count(input.records)} rows to ${job.id}` },
        [{ ...jobRef(input, run), stageUri: input.stageUri, part: input.part, replaces }],
      ),
    );
    if ('sentBefore' in sent) return sent.sentBefore;
    job.records = sent.records;
    return undefined;
  } catch (error) {
    if (maybeApplied(error)) job.records = input.records;
    throw error;
  }
}

/**
 * An earlier run of this part, terminated or reset, had sent it with another job: that job counts, whatever state it is
 * in, and ours is given up empty. False when that job was never closed: then it is aborted too, and the part is sent.
 */
export async function adopt(input: IngestJobInput, run: JobRun, jobId: string): Promise<boolean> {
  await abortCurrent(input, run, shared(input.outageMs));
  enterJob(input, run, jobId, input.records);
  run.adopted = true;
  run.looks = [];
  // Until the platform says otherwise it may have been closed, and then nothing is sent again.
  run.closed = true;
  run.closedAt = Date.now();
  const found = await look(input, run, `job of an earlier run: ${jobId}`);
  if (found.state === 'Open') await abortCurrent(input, run, shared(input.outageMs));
  else if (found.state !== 'Aborted' || found.processed > 0 || found.failed > 0) return true;
  // Its close may have been on its way, or its first rows be at work.
  const wait = settleDelay(input.poll, run, Date.now());
  await sleep(wait, { summary: `${jobId} is aborted and shows no rows: wait until it stands still` });
  const settled = await look(input, run, `settled? ${jobId}`);
  if (settled.processed > 0 || settled.failed > 0) return true;
  const counts = await fetchResults(input, run, onFiles(input.filesQueue, input.outageMs));
  run.closed = !nothingApplied(settled, counts);
  return run.closed;
}

/**
 * Gives up a job whose upload or close failed. True when it had been closed before: by a run of this part that was
 * restored away, since this one knows of no close. Then that job counts, and nothing is sent again.
 */
export async function giveUp(input: IngestJobInput, run: JobRun): Promise<boolean> {
  const { jobId } = run;
  if (jobId === undefined) return false;
  const steps = shared(input.outageMs);
  const found = await counted(
    run,
    steps.abortJob.executeWithOptions({ summary: `abort ${jobId}, unless it was closed` }, [
      { ...jobRef(input, run), unlessClosed: true },
    ]),
  );
  enterLook(run, found, Date.now());
  const { state, processed, failed } = found;
  if (['Open', 'Aborted', 'Deleted'].includes(state) && processed === 0 && failed === 0) return false;
  const job = run.jobs.at(-1) as JobSummary;
  job.records = input.records;
  Object.assign(run, { adopted: true, closed: true, closedAt: Date.now(), looks: [] } satisfies Partial<JobRun>);
  return true;
}

async function close(input: IngestJobInput, run: JobRun): Promise<void> {
  enterJobPhase(input, run, 'closing');
  try {
    const look = await counted(
      run,
      shared(input.outageMs).closeJob.executeWithOptions({ summary: `close ${run.jobId}` }, [jobRef(input, run)]),
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

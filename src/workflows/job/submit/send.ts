/** Create, upload, close: turns a part's rows into a job that the platform processes. */
import { defined } from '../../../domain/defined.js';
import { uploadsQueueOf } from '../../../domain/file-groups.js';
import { USED_UP_CODES } from '../../../domain/platform/used-up-codes.js';
import { count } from '../../../domain/text/format.js';
import { isNotOurs, lostCreatesOf, maybeApplied, toLoadError } from '../../../domain/failures.js';
import { uploadActivities } from '../../support/activity-options.js';
import type { IngestJob } from '../job.js';
import { enterJobInfo, enterLost } from '../job-state.js';
import { evidenceOf } from './earlier-jobs.js';

/** A used-up allocation is waited for with the ledger, not by retrying. */
const CREATE_RETRY = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '2m',
  nonRetryableErrorTypes: [...USED_UP_CODES],
};

/** @returns whether the part may have been sent before, in a run that was lost in a restore */
export async function createJob(job: IngestJob): Promise<boolean> {
  const { input, state } = job;
  const { connection, apiVersion, object, operation, columnDelimiter, lineEnding, stageUri, assignmentRuleId } = input;
  job.enterPhase('creating');
  const askedAt = Date.now();
  try {
    const { jobId, createdById, lostCreates, aheadMs, maybeSentBefore } = await job.awaitCounted(
      job.activities.createJob.executeWithOptions(
        { summary: `${operation} ${object}, part ${input.part}`, retry: CREATE_RETRY },
        [
          {
            connection,
            apiVersion,
            object,
            operation,
            columnDelimiter,
            lineEnding,
            stageUri,
            ...job.externalId(),
            ...defined({ assignmentRuleId }),
            ...evidenceOf(job),
          },
        ],
      ),
    );
    enterLost(state.lost, { creates: lostCreates, ...defined({ createdById }) });
    job.enterJob(jobId);
    state.since = askedAt;
    state.aheadMs = aheadMs;
    return maybeSentBefore;
  } catch (error) {
    enterLost(state.lost, { creates: lostCreatesOf(error, askedAt, Date.now()) });
    throw error;
  }
}

/** Returns the job that already had this part, if there is one: then nothing was sent. */
export async function uploadPart(job: IngestJob): Promise<string | undefined> {
  const { input, state, current } = job;
  job.enterPhase('uploading');
  const replaces = state.jobs.slice(0, -1).map(({ id }) => id);
  try {
    const sent = await job.awaitCounted(
      uploadActivities(
        uploadsQueueOf(input.filesQueue, input.connection),
        input.outageMs,
      ).uploadPart.executeWithOptions({ summary: `${count(input.records)} rows to ${current.id}` }, [
        { ...job.ref(), stageUri: input.stageUri, part: input.part, replaces },
      ]),
    );
    if ('sentBefore' in sent) return sent.sentBefore;
    current.records = sent.records;
    return undefined;
  } catch (error) {
    if (maybeApplied(error)) current.records = input.records;
    throw error;
  }
}

export async function closeJob(job: IngestJob): Promise<void> {
  const { state } = job;
  job.enterPhase('closing');
  try {
    const info = await job.awaitCounted(
      job.activities.closeJob.executeWithOptions({ summary: `close ${state.jobId}` }, [job.ref()]),
    );
    state.closed = true;
    state.closedAt = Date.now();
    enterJobInfo(state, info, state.closedAt);
  } catch (error) {
    // Permanently refused because of two uploads, or by our own step: it was never closed. Any other failure may have
    // closed it.
    if (toLoadError(error).code !== 'MULTIPLE_CONTENTS' && !isNotOurs(error)) state.closed = true;
    throw error;
  }
}

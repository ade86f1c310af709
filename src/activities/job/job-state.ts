/** Calls that change or read a job, usually with one request each. */
import { Context } from '@temporalio/activity';
import { NightloadError } from '../../errors.js';
import { isTerminal } from '../../domain/platform/job-states.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import type { ApiContext, LimitInfo } from '../../salesforce/http/call-context.js';
import type { JobInfo } from '../../salesforce/resources/job-info.js';
import { jobReason } from '../../domain/platform/job-reasons.js';
import { detailOf } from '../../salesforce/errors/redacted-detail.js';
import { isInvalidJobState, SalesforceError } from '../../salesforce/errors/salesforce-error.js';
import { audit } from '../audit-log.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { LABELS, processMetrics } from '../metrics.js';
import { noteDetail } from '../results/failure-details.js';
import { notOurs } from './job-ownership.js';
import type { OwnJobs } from './job-ownership.js';
import { runCountedActivity } from '../run-activity.js';
import type { AbortJobInput, JobStatus, JobRef } from '../../protocol/activities/job-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import { defined } from '../../domain/defined.js';

/** A header may say anything. */
const MAX_API_USED = 100;

type OnJob<O> = (input: JobRef) => Promise<Counted<O>>;

/** The state of a job for workflows. The job's own message, if any, goes to the details next to the load's files. */
async function statusOf(info: JobInfo, { roots }: ActivityDependencies, input: JobRef): Promise<JobStatus> {
  const { id, state, errorMessage } = info;
  if (errorMessage !== undefined) {
    await noteDetail(roots, input, { code: 'JOB_FAILED', job: id, text: detailOf(errorMessage) });
  }
  const reason = jobReason(errorMessage);
  return {
    id,
    state,
    processed: info.numberRecordsProcessed ?? 0,
    failed: info.numberRecordsFailed ?? 0,
    ...defined({ errorMessage: reason }),
  };
}

/** Reads a job and the org's API request usage. */
export function readJob(dependencies: ActivityDependencies, ownJobs: OwnJobs): OnJob<JobStatus> {
  return runCountedActivity(async (input, step) => {
    const { apiVersion, jobId } = input;
    const metrics = processMetrics();
    let apiUsed: number | undefined;
    const onLimitInfo = ({ 'api-usage': api }: LimitInfo): void => {
      if (api === undefined || api.max === 0) return;
      apiUsed = api.used / api.max;
      const labels = { connection: LABELS.connection.of(input.connection) };
      metrics.set('nightload_org_api_requests_remaining', api.max - api.used, labels);
    };
    const connection = connectionOf(dependencies, input.connection);
    const info = await connection.getJob(jobId, { ...step.call, apiVersion, onLimitInfo });
    await ownJobs.confirm(input, info, connection, { ...step.call, apiVersion });
    const status = await statusOf(info, dependencies, input);
    return {
      ...status,
      ...(apiUsed !== undefined && { apiUsed: Math.min(MAX_API_USED, Math.round(100 * apiUsed) / 100) }),
    };
  });
}

/**
 * Closes a job so that the platform processes it. If the reply to the first attempt was lost, the job's state decides.
 */
export function closeJob(dependencies: ActivityDependencies, ownJobs: OwnJobs): OnJob<JobStatus> {
  return runCountedActivity(async (input, step) => {
    const { jobId, apiVersion } = input;
    const connection = connectionOf(dependencies, input.connection);
    const context = { ...step.call, apiVersion };
    const now = await (step.attempt > 1
      ? readOwn({ ownJobs, ref: input, connection, context })
      : ownJobs.ask(input, connection, context));
    if (now !== undefined && now.state !== 'Open') return statusOf(now, dependencies, input);
    try {
      return await statusOf(await connection.closeJob(jobId, context), dependencies, input);
    } catch (error) {
      if (!isInvalidJobState(error)) throw error;
      const now = await statusOf(await connection.getJob(jobId, context), dependencies, input);
      if (now.state === 'Open') throw error;
      return now;
    }
  });
}

interface JobReading {
  ownJobs: OwnJobs;
  ref: JobRef;
  connection: SalesforceConnection;
  context: ApiContext;
}

/** Reads a job. @throws NightloadError `JOB_NOT_OURS` */
async function readOwn({ ownJobs, ref, connection, context }: JobReading): Promise<JobInfo> {
  const info = await connection.getJob(ref.jobId, context);
  await ownJobs.confirm(ref, info, connection, context);
  return info;
}

/**
 * Reads a job that an ended load left to `orphanJobs`. That input may be forged, so the job itself is checked. @throws
 * NightloadError `JOB_NOT_OURS`
 */
async function readOrphan(
  { ownJobs, ref, connection, context }: JobReading,
  { ownerOf }: ActivityDependencies,
): Promise<JobInfo> {
  const { connection: name, jobId } = ref;
  const info = await connection.getJob(jobId, context);
  await ownJobs.confirmUser(name, info, connection, context);
  const owner = await ownerOf(jobId);
  if (owner !== 'ended') throw notOurs(jobId, owner === 'running' ? 'a running load uses it' : 'no load recorded it');
  return info;
}

/** Aborts a job, or reports how it had already ended. */
export function abortJob(
  dependencies: ActivityDependencies,
  ownJobs: OwnJobs,
): (input: AbortJobInput) => Promise<Counted<JobStatus>> {
  return runCountedActivity(async (input, step) => {
    const { jobId, apiVersion } = input;
    const connection = connectionOf(dependencies, input.connection);
    const context = { ...step.call, apiVersion };
    const isOrphan = Context.current().info.workflowType === 'orphanJobs';
    try {
      if (isOrphan || input.unlessClosed === true) {
        const reading = { ownJobs, ref: input, connection, context };
        const now = await (isOrphan ? readOrphan(reading, dependencies) : readOwn(reading));
        if (now.state !== 'Open') return await statusOf(now, dependencies, input);
      } else await ownJobs.ask(input, connection, context);
      const aborted = await statusOf(await connection.abortJob(jobId, context), dependencies, input);
      await audit(isOrphan ? 'abort orphan' : 'abort', dependencies, { name: input.connection, jobId });
      return aborted;
    } catch (error) {
      if (error instanceof SalesforceError && error.code === 'JOB_NOT_FOUND' && step.believes(error)) {
        return { id: jobId, state: 'Deleted', processed: 0, failed: 0, errorMessage: 'The job no longer exists.' };
      }
      if (!isInvalidJobState(error)) throw error;
      const now = await statusOf(await connection.getJob(jobId, context), dependencies, input);
      if (!isTerminal(now.state)) {
        throw new NightloadError(
          'JOB_NOT_ABORTED',
          `Job ${jobId} is ${now.state} and Salesforce refuses to abort it.`,
          {
            retryable: true,
            cause: error,
          },
        );
      }
      return now;
    }
  });
}

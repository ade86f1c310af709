/** Calls that change or read a job, one request each where nothing goes wrong. */
import { Context } from '@temporalio/activity';
import { NightloadError } from '../errors.js';
import { isTerminal } from '../contract.js';
import type { LimitInfo } from '../salesforce/context.js';
import type { JobInfo } from '../salesforce/job-info.js';
import { jobReason } from '../domain/job-reasons.js';
import { detailOf } from '../salesforce/detail.js';
import { isInvalidJobState, SalesforceError } from '../salesforce/errors.js';
import { audit } from './audit.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { noteDetail } from './details.js';
import { countedStep } from './step.js';
import type { AbortJobInput, Counted, JobLook, JobRef } from './types.js';

type OnJob<O> = (input: JobRef) => Promise<Counted<O>>;

/** What is told of a job. Its own words, where it has some, go to the details beside the load's files. */
async function lookOf(info: JobInfo, { roots }: ActivityDependencies, input: JobRef): Promise<JobLook> {
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
    ...(reason !== undefined && { errorMessage: reason }),
  };
}

/** Reads a job, and how many of the org's API requests are used. */
export function readJob(dependencies: ActivityDependencies): OnJob<JobLook> {
  return countedStep(async (input, step) => {
    const { connection, apiVersion, jobId } = input;
    let apiUsed: number | undefined;
    const onLimitInfo = ({ 'api-usage': api }: LimitInfo): void => {
      if (api !== undefined && api.max > 0) apiUsed = api.used / api.max;
    };
    const info = await connectionOf(dependencies, connection).getJob(jobId, { ...step.call, apiVersion, onLimitInfo });
    const look = await lookOf(info, dependencies, input);
    return { ...look, ...(apiUsed !== undefined && { apiUsed: Math.round(100 * apiUsed) / 100 }) };
  });
}

/** Lets the platform begin. After a first attempt whose reply was lost, the job's own state decides. */
export function closeJob(dependencies: ActivityDependencies): OnJob<JobLook> {
  return countedStep(async (input, step) => {
    const { jobId, apiVersion } = input;
    const connection = connectionOf(dependencies, input.connection);
    const context = { ...step.call, apiVersion };
    if (step.attempt > 1) {
      const now = await lookOf(await connection.getJob(jobId, context), dependencies, input);
      if (now.state !== 'Open') return now;
    }
    try {
      return await lookOf(await connection.closeJob(jobId, context), dependencies, input);
    } catch (error) {
      if (!isInvalidJobState(error)) throw error;
      const now = await lookOf(await connection.getJob(jobId, context), dependencies, input);
      if (now.state === 'Open') throw error;
      return now;
    }
  });
}

/** Aborts a job, or tells how it had ended before. */
export function abortJob(dependencies: ActivityDependencies): (input: AbortJobInput) => Promise<Counted<JobLook>> {
  return countedStep(async (input, step) => {
    const { jobId, apiVersion } = input;
    const connection = connectionOf(dependencies, input.connection);
    const context = { ...step.call, apiVersion };
    try {
      if (input.unlessClosed === true) {
        const now = await lookOf(await connection.getJob(jobId, context), dependencies, input);
        if (now.state !== 'Open') return now;
      }
      const aborted = await lookOf(await connection.abortJob(jobId, context), dependencies, input);
      const isOrphan = Context.current().info.workflowType === 'orphanJobs';
      await audit(isOrphan ? 'abort orphan' : 'abort', dependencies, { name: input.connection, jobId });
      return aborted;
    } catch (error) {
      if (error instanceof SalesforceError && error.code === 'JOB_NOT_FOUND' && step.believes(error)) {
        return { id: jobId, state: 'Deleted', processed: 0, failed: 0, errorMessage: 'The job no longer exists.' };
      }
      if (!isInvalidJobState(error)) throw error;
      const now = await lookOf(await connection.getJob(jobId, context), dependencies, input);
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

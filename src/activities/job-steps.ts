/** Calls that change or read a job, one request each where nothing goes wrong. */
import { NightloadError } from '../errors.js';
import { isTerminal } from '../contract.js';
import type { LimitInfo } from '../salesforce/context.js';
import type { JobInfo } from '../salesforce/job-info.js';
import { isInvalidJobState, SalesforceError } from '../salesforce/errors.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { countedStep } from './step.js';
import type { AbortJobInput, Counted, JobLook, JobRef } from './types.js';

/** The platform's words enter histories and messages. */
const LONGEST_MESSAGE = 1_000;

type OnJob<O> = (input: JobRef) => Promise<Counted<O>>;

function lookOf(info: JobInfo): JobLook {
  return {
    id: info.id,
    state: info.state,
    processed: info.numberRecordsProcessed ?? 0,
    failed: info.numberRecordsFailed ?? 0,
    ...(info.errorMessage === undefined ? {} : { errorMessage: info.errorMessage.slice(0, LONGEST_MESSAGE) }),
  };
}

/** Reads a job, and how many of the org's API requests are used. */
export function readJob(dependencies: ActivityDependencies): OnJob<JobLook> {
  return countedStep(async ({ connection, apiVersion, jobId }, step) => {
    let apiUsed: number | undefined;
    const onLimitInfo = ({ 'api-usage': api }: LimitInfo): void => {
      if (api !== undefined && api.max > 0) apiUsed = api.used / api.max;
    };
    const info = await connectionOf(dependencies, connection).getJob(jobId, { ...step.call, apiVersion, onLimitInfo });
    return { ...lookOf(info), ...(apiUsed !== undefined && { apiUsed: Math.round(100 * apiUsed) / 100 }) };
  });
}

/** Lets the platform begin. After a first attempt whose reply was lost, the job's own state decides. */
export function closeJob(dependencies: ActivityDependencies): OnJob<JobLook> {
  return countedStep(async (input, step) => {
    const { jobId, apiVersion } = input;
    const connection = connectionOf(dependencies, input.connection);
    const context = { ...step.call, apiVersion };
    if (step.attempt > 1) {
      const now = lookOf(await connection.getJob(jobId, context));
      if (now.state !== 'Open') return now;
    }
    try {
      return lookOf(await connection.closeJob(jobId, context));
    } catch (error) {
      if (!isInvalidJobState(error)) throw error;
      const now = lookOf(await connection.getJob(jobId, context));
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
        const now = lookOf(await connection.getJob(jobId, context));
        if (now.state !== 'Open') return now;
      }
      return lookOf(await connection.abortJob(jobId, context));
    } catch (error) {
      if (error instanceof SalesforceError && error.code === 'JOB_NOT_FOUND' && step.believes(error)) {
        return { id: jobId, state: 'Deleted', processed: 0, failed: 0, errorMessage: 'The job no longer exists.' };
      }
      if (!isInvalidJobState(error)) throw error;
      const now = lookOf(await connection.getJob(jobId, context));
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

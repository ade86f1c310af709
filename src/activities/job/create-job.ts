/**
 * Creates a job. The platform has no idempotency key for creates, so creates whose replies were lost are remembered,
 * also after a worker was killed: each may have created a job that no note records.
 */
import { CancelledFailure, log } from '@temporalio/activity';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import type { ColumnDelimiter, JobInfo } from '../../salesforce/resources/job-info.js';
import { SalesforceError } from '../../salesforce/errors/salesforce-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { audit } from '../audit-log.js';
import { isAwaited } from '../is-awaited.js';
import type { OwnJobs } from './job-ownership.js';
import { runCountedActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import type { CreatedJob, CreateJobInput } from '../../protocol/activities/job-types.js';
import type { Counted, LostCreate } from '../../protocol/activities/attempt-types.js';
import { defined } from '../../domain/defined.js';

/** Longest wait for a reply. */
const ANSWER_LIMIT_MS = 90_000;
const ABANDON_LIMIT_MS = 60_000;
/** Salesforce reports times in whole seconds, and clocks are compared over a network. */
const CLOCK_MARGIN_MS = 5_000;

export function createJob(
  dependencies: ActivityDependencies,
  ownJobs: OwnJobs,
): (input: CreateJobInput) => Promise<Counted<CreatedJob>> {
  // After a restore, either this worker was restarted, or it noticed that time had passed.
  const workingSince = Date.now();
  return runCountedActivity(async (input, step) => {
    const lostCreates = lostBefore(step);
    step.memory = { lostCreates };
    const connection = connectionOf(dependencies, input.connection, input);
    const info = await ask(connection, input, step);
    ownJobs.created(input.connection, info);
    // Nobody would ever learn its id.
    if (!(await isAwaited())) {
      // It is Open and has no rows; if this fails, the load still searches for it.
      try {
        const signal = AbortSignal.timeout(ABANDON_LIMIT_MS);
        await connection.abortJob(info.id, { ...step.call, apiVersion: input.apiVersion, signal });
        await audit('abort', dependencies, { name: input.connection, jobId: info.id });
      } catch {
        log.warn('A job that no workflow waits for could not be aborted.', { jobId: info.id });
      }
    }
    const difference = info.createdDate === undefined ? 0 : Date.parse(info.createdDate) - Date.now();
    const ahead = Number.isFinite(difference) ? difference : 0;
    const { jobsKnownUntil, timeGapAt = -Infinity } = input.evidence ?? { jobsKnownUntil: Infinity };
    return {
      jobId: info.id,
      ...defined({ createdById: info.createdById }),
      lostCreates: lostCreates.map((lost) => byOrgsClock(lost, ahead)),
      aheadMs: ahead,
      maybeSentBefore:
        input.evidence !== undefined && (step.late || workingSince > jobsKnownUntil || timeGapAt > jobsKnownUntil),
    };
  });
}

/** An attempt that was killed while it waited has lost that reply too. */
function lostBefore({ memory, attempt, scheduledAt }: ActivityRun): LostCreate[] {
  // An attempt that was killed before its first heartbeat may still have sent its request.
  if (memory === undefined) return attempt > 1 ? [{ from: scheduledAt, to: Date.now() }] : [];
  const { lostCreates = [], askedAt } = memory;
  return askedAt === undefined ? lostCreates : [...lostCreates, { from: askedAt, to: askedAt + ANSWER_LIMIT_MS }];
}

async function ask(connection: SalesforceConnection, input: CreateJobInput, step: ActivityRun): Promise<JobInfo> {
  const { connection: _name, evidence: _evidence, stageUri: _stage, apiVersion, columnDelimiter, ...spec } = input;
  const lostCreates = step.memory?.lostCreates ?? [];
  const askedAt = Date.now();
  const shutdown = shutdownOf(step.signal);
  let sent = false;
  try {
    // A cancellation does not interrupt the request: a job whose id is lost would stay Open. A worker shutdown does.
    return await connection.createJob(
      { ...spec, columnDelimiter: columnDelimiter as ColumnDelimiter },
      {
        ...step.call,
        apiVersion,
        signal: shutdown,
        onRequest: (kind) => {
          sent = true;
          step.memory = { lostCreates, askedAt };
          step.call.onRequest?.(kind);
          step.beat();
        },
      },
    );
  } catch (error) {
    // An unforeseen error shows only that the request was sent.
    const isKnown = !shutdown.aborted && error instanceof SalesforceError;
    const lost = isKnown ? error.maybeApplied : sent;
    step.memory = { lostCreates: lost ? [...lostCreates, { from: askedAt, to: Date.now() }] : lostCreates };
    throw error;
  }
}

/** Aborts when the worker's shutdown grace period is over, but not when the load is canceled. */
function shutdownOf(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const pass = (): void => {
    const reason: unknown = signal.reason;
    if (reason instanceof CancelledFailure && reason.message === 'WORKER_SHUTDOWN') controller.abort(reason);
  };
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  return controller.signal;
}

function byOrgsClock({ from, to }: LostCreate, ahead: number): LostCreate {
  return { from: from + ahead - CLOCK_MARGIN_MS, to: to + ahead + CLOCK_MARGIN_MS };
}

/**
 * Creates a job. The platform has no key by which a create could be repeated safely, so creates whose answers were lost
 * are remembered, over killed workers too: a job may have come into being that nobody knows.
 */
import { CancelledFailure } from '@temporalio/activity';
import type { SalesforceConnection } from '../salesforce/connection.js';
import type { ColumnDelimiter, JobInfo } from '../salesforce/job-info.js';
import { SalesforceError } from '../salesforce/errors.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, CreatedJob, CreateJobInput, LostCreate } from './types.js';

/** An answer that comes later than this is not waited for. */
const ANSWER_LIMIT_MS = 90_000;
/** The platform tells times in whole seconds, and clocks are compared over a network. */
const CLOCK_MARGIN_MS = 5_000;

export function createJob(dependencies: ActivityDependencies): (input: CreateJobInput) => Promise<Counted<CreatedJob>> {
  // Whatever was restored, its worker has been started since; or it saw that time had passed.
  const workingSince = Date.now();
  return countedStep(async (input, step) => {
    const lostCreates = lostBefore(step);
    step.memory = { lostCreates };
    const info = await ask(connectionOf(dependencies, input.connection, input), input, step);
    const difference = info.createdDate === undefined ? 0 : Date.parse(info.createdDate) - Date.now();
    const ahead = Number.isFinite(difference) ? difference : 0;
    const { soundAt, doubtAt = -Infinity } = input.evidence ?? { soundAt: Infinity };
    return {
      jobId: info.id,
      ...(info.createdById !== undefined && { createdById: info.createdById }),
      lostCreates: lostCreates.map((lost) => byOrgsClock(lost, ahead)),
      aheadMs: ahead,
      inDoubt: input.evidence !== undefined && (step.late || workingSince > soundAt || doubtAt > soundAt),
    };
  });
}

/** An attempt that was killed while it waited for its answer has lost that one too. */
function lostBefore({ memory, attempt, scheduledAt }: Step): LostCreate[] {
  // Killed before the server heard of it, it may still have asked.
  if (memory === undefined) return attempt > 1 ? [{ from: scheduledAt, to: Date.now() }] : [];
  const { lostCreates = [], askedAt } = memory;
  return askedAt === undefined ? lostCreates : [...lostCreates, { from: askedAt, to: askedAt + ANSWER_LIMIT_MS }];
}

async function ask(connection: SalesforceConnection, input: CreateJobInput, step: Step): Promise<JobInfo> {
  const { connection: _name, evidence: _evidence, stageUri: _stage, apiVersion, columnDelimiter, ...spec } = input;
  const lostCreates = step.memory?.lostCreates ?? [];
  const askedAt = Date.now();
  const shutdown = shutdownOf(step.signal);
  let sent = false;
  try {
    // A cancel does not interrupt it: an id that nobody learned would leave a job Open. A worker that must end does.
    return await connection.createJob(
      { ...spec, columnDelimiter: columnDelimiter as ColumnDelimiter },
      {
        ...step.call,
        apiVersion,
        signal: shutdown,
        onRequest: (kind) => {
          sent = true;
          // Before the request is counted, because that tells the server of it.
          step.memory = { lostCreates, askedAt };
          step.call.onRequest?.(kind);
        },
      },
    );
  } catch (error) {
    const lost = shutdown.aborted ? sent : error instanceof SalesforceError && error.maybeApplied;
    step.memory = { lostCreates: lost ? [...lostCreates, { from: askedAt, to: Date.now() }] : lostCreates };
    throw error;
  }
}

/** Aborts when the worker's time to end is over, but not when the load is canceled. */
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

/**
 * Which workflows are nightload's own. Anyone who may start workflows may start any type on any queue, and may schedule
 * an activity on this worker's queue from their own workflow. So a step runs only for a workflow of the right type
 * whose tasks this queue's workers process, and for a part only when the same is true of its parent: then nightload's
 * code decided what it asks for.
 *
 * Parts that hold a lease from an org's ledger may belong to other workers, on other queues. There the chain of parents
 * decides: a workflow with a parent can only be started by a workflow whose code runs. A `bulkLoad` on a queue without
 * pollers starts nothing, so a part below it exists only if a poller of a queue created it.
 */
import { ApplicationFailure } from '@temporalio/activity';
import type { NativeConnection } from '@temporalio/worker';
import type { ActivityDependencies, Caller, CallingLoad, Execution } from '../activities/dependencies.js';

/** Properties of a run that never change. */
interface Run {
  type: string;
  /** Id of the first run, if the server reports it. */
  firstRunId: string;
  /** Empty if the server does not report it. */
  taskQueue: string;
  parent?: Execution;
  /** The run that continued as this one. */
  before?: Execution;
  startedAt: number;
}

interface Described {
  run: Run;
  /** Absent while it runs, including as a later run. */
  closedAt?: number;
}

/** Parent types of a step's caller, and of the callers' parents. */
const PARENTS: Readonly<Record<string, readonly string[]>> = {
  ingestJob: ['bulkLoad', 'retryFailedRows'],
  retryFailedRows: ['bulkLoad'],
  sendHeartbeat: ['bulkLoad'],
  sendNotifications: ['bulkLoad', 'watchSchedules'],
};

const PARTS = ['ingestJob'];
const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const MAX_REMEMBERED = 2_000;
/** Less than the shortest retention of closed workflows in Temporal. */
const BEFORE_IS_KEPT_MS = 20 * 3_600_000;
/** All attempts together stay within the time in which a step must send its first heartbeat. */
const TRY_MS = 2_000;
const TRIES = 3;

/** gRPC status codes. */
const NOT_FOUND = 5;
const CANNOT_TELL: readonly unknown[] = [7, 12];
/** A Temporal workflow status. */
const CONTINUED_AS_NEW = 6;

export interface CallersOptions {
  connection: () => NativeConnection;
  namespace: string;
  /** Queue on which loads run. */
  taskQueue: string;
  warn: (text: string) => void;
}

/**
 * @returns the checks that steps make before they begin, the load they run for, and the ledger's check of workflows
 * that claim to be parts
 */
export function callerChecks(
  options: CallersOptions,
): Required<Pick<ActivityDependencies, 'admit' | 'isPart' | 'loadOf'>> {
  const runs = new Map<string, Run>();
  let warned = false;

  async function runOf(execution: Execution): Promise<Run | 'unknown' | undefined> {
    const known = runs.get(keyOf(execution));
    if (known !== undefined) return known;
    const found = await look(execution);
    return found === undefined || found === 'unknown' ? found : found.run;
  }

  /** Its current state. */
  async function look(execution: Execution): Promise<Described | 'unknown' | undefined> {
    try {
      const found = await describeRun(options, execution);
      if (runs.size >= MAX_REMEMBERED) runs.delete(runs.keys().next().value as string);
      runs.set(keyOf(execution), found.run);
      return found;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === NOT_FOUND) return undefined;
      if (!CANNOT_TELL.includes(code)) throw error;
      if (!warned)
        options.warn('This worker may not describe workflows, so it cannot verify the callers of its steps.');
      warned = true;
      return 'unknown';
    }
  }

  /** @param queue task queue of the whole chain; '' if the server does not report it */
  async function isOurs(execution: Execution | undefined, types: readonly string[], queue: string): Promise<boolean> {
    const run = execution && (await runOf(execution));
    if (run === undefined || run === 'unknown') return run === 'unknown';
    if (!types.includes(run.type) || (run.taskQueue !== '' && run.taskQueue !== queue)) return false;
    if (!(await continuesOurs(run))) return false;
    const parents = PARENTS[run.type];
    return parents === undefined || isOurs(run.parent, parents, queue);
  }

  /** Any workflow may continue as one of another type, with a state of its choice: ours only continue as themselves. */
  async function continuesOurs({ type, taskQueue, before, startedAt }: Run): Promise<boolean> {
    if (before === undefined) return true;
    const found = await runOf(before);
    if (found === 'unknown') return true;
    // It was checked when this run began; a worker that started since may find it gone.
    if (found === undefined) return Date.now() - startedAt > BEFORE_IS_KEPT_MS;
    return found.type === type && found.taskQueue === taskQueue && continuesOurs(found);
  }

  /** Parts and retries are never started directly. */
  async function loadAbove(execution: Execution): Promise<CallingLoad | undefined> {
    const run = await runOf(execution);
    if (run === undefined || run === 'unknown') return undefined;
    if (PARENTS[run.type] === undefined) return { ...execution, firstRunId: run.firstRunId };
    return run.parent && loadAbove(run.parent);
  }

  return {
    async admit({ workflowExecution, workflowType, activityType }: Caller, types) {
      const isType = workflowType !== undefined && types.includes(workflowType);
      if (isType && (await isOurs(workflowExecution, types, options.taskQueue))) return;
      throw ApplicationFailure.nonRetryable(
        `${activityType} is a step of ${types.join(', ')} and runs for no other workflow. Start bulkLoad.`,
        'CALLER_REFUSED',
      );
    },
    async isPart(execution, at) {
      // For an invalid run id the server would only report that it is invalid.
      if (!RUN_ID.test(execution.runId)) return false;
      const found = await look(execution);
      if (found === undefined || found === 'unknown') return found === 'unknown';
      // A request names the first run of its part.
      if (found.run.before !== undefined) return false;
      if (found.closedAt !== undefined && found.closedAt < at) return false;
      return isOurs(execution, PARTS, found.run.taskQueue);
    },
    loadOf: async ({ workflowExecution: own }) => own && loadAbove({ workflowId: own.workflowId, runId: own.runId }),
  };
}

/** Includes the workflow id: a caller may claim that a run belongs to another workflow. */
function keyOf({ workflowId, runId }: Execution): string {
  return `${runId} ${workflowId}`;
}

async function describeRun({ connection, namespace }: CallersOptions, execution: Execution): Promise<Described> {
  for (let left = TRIES - 1; ; left--) {
    try {
      const temporal = connection();
      return await temporal.withDeadline(Date.now() + TRY_MS, async () => {
        const { executionConfig, workflowExecutionInfo: info } =
          await temporal.workflowService.describeWorkflowExecution({ namespace, execution });
        const parent = info?.parentExecution;
        const isFirst = info?.firstRunId === execution.runId;
        const before = isFirst ? undefined : await runBefore(temporal, namespace, execution);
        const run = {
          type: info?.type?.name ?? '',
          firstRunId: info?.firstRunId ?? '',
          taskQueue: executionConfig?.taskQueue?.name ?? '',
          startedAt: millis(info?.startTime),
          ...(parent?.workflowId && { parent: { workflowId: parent.workflowId, runId: parent.runId ?? '' } }),
          ...(before && { before: { workflowId: execution.workflowId, runId: before } }),
        };
        const hasEnded = info?.closeTime != null && info.status !== CONTINUED_AS_NEW;
        return { run, ...(hasEnded && { closedAt: millis(info.closeTime) }) };
      });
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (left === 0 || code === NOT_FOUND || CANNOT_TELL.includes(code)) throw error;
    }
  }
}

function millis(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1e6);
}

/** The first event of a run names the run that continued as it. */
async function runBefore(
  { workflowService }: NativeConnection,
  namespace: string,
  execution: Execution,
): Promise<string | undefined> {
  const request = { namespace, execution, maximumPageSize: 1 };
  const { history } = await workflowService.getWorkflowExecutionHistory(request);
  return history?.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
}

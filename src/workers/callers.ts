/**
 * Who calls a step. Anybody who may start workflows may schedule an activity on this worker's queue from a workflow of
 * their own, with any name. So a step is done only for a workflow of the right type whose own tasks this queue's
 * workers do, and for a part only when its parent is a load of the same kind: what such a workflow asks for was decided
 * by nightload's code.
 */
import { ApplicationFailure } from '@temporalio/activity';
import type { NativeConnection } from '@temporalio/worker';
import type { ActivityDependencies, Caller } from '../activities/dependencies.js';

interface Execution {
  workflowId: string;
  runId: string;
}

/** What of a run never changes. */
interface Run {
  type: string;
  /** Empty where the server does not tell. */
  taskQueue: string;
  parent?: Execution;
  /** The run that continued as this one. */
  before?: Execution;
  startedAt: number;
}

/** Of a step's caller, and of the callers' parents. */
const PARENTS: Readonly<Record<string, readonly string[]>> = {
  ingestJob: ['bulkLoad', 'retryFailedRows'],
  retryFailedRows: ['bulkLoad'],
};

const MAX_REMEMBERED = 2_000;
/** Less than the shortest time for which Temporal keeps what has ended. */
const BEFORE_IS_KEPT_MS = 20 * 3_600_000;
/** All tries together stay within the time in which a step must have sent its first heartbeat. */
const TRY_MS = 2_000;
const TRIES = 3;

/** Codes of gRPC. */
const NOT_FOUND = 5;
const CANNOT_TELL: readonly unknown[] = [7, 12];

export interface CallersOptions {
  connection: () => NativeConnection;
  namespace: string;
  /** Where the tasks of loads are done. */
  taskQueue: string;
  warn: (text: string) => void;
}

/** @returns what steps ask before they begin */
export function admitCallers(options: CallersOptions): NonNullable<ActivityDependencies['admit']> {
  const runs = new Map<string, Run>();
  let warned = false;

  async function runOf(execution: Execution): Promise<Run | 'unknown' | undefined> {
    const known = runs.get(execution.runId);
    if (known !== undefined) return known;
    try {
      const run = await describeRun(options, execution);
      if (runs.size >= MAX_REMEMBERED) runs.delete(runs.keys().next().value as string);
      runs.set(execution.runId, run);
      return run;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === NOT_FOUND) return undefined;
      if (!CANNOT_TELL.includes(code)) throw error;
      if (!warned) options.warn('This worker may not describe workflows, so it cannot see who calls its steps.');
      warned = true;
      return 'unknown';
    }
  }

  async function isOurs(execution: Execution | undefined, types: readonly string[]): Promise<boolean> {
    const run = execution && (await runOf(execution));
    if (run === undefined || run === 'unknown') return run === 'unknown';
    if (!types.includes(run.type) || (run.taskQueue !== '' && run.taskQueue !== options.taskQueue)) return false;
    if (!(await continuesOurs(run))) return false;
    const parents = PARENTS[run.type];
    return parents === undefined || isOurs(run.parent, parents);
  }

  /** Any workflow may continue as one of another type, with a state of its choice: ours only continue as themselves. */
  async function continuesOurs({ type, taskQueue, before, startedAt }: Run): Promise<boolean> {
    if (before === undefined) return true;
    const found = await runOf(before);
    if (found === 'unknown') return true;
    // It was looked at when this run began; a worker that started since may find it gone.
    if (found === undefined) return Date.now() - startedAt > BEFORE_IS_KEPT_MS;
    return found.type === type && found.taskQueue === taskQueue;
  }

  return async ({ workflowExecution, workflowType, activityType }: Caller, types) => {
    const isType = workflowType !== undefined && types.includes(workflowType);
    if (isType && (await isOurs(workflowExecution, types))) return;
    throw ApplicationFailure.nonRetryable(
      `${activityType} is a step of ${types.join(', ')} and is not done for anybody else. Start bulkLoad.`,
      'CALLER_REFUSED',
    );
  };
}

async function describeRun({ connection, namespace }: CallersOptions, execution: Execution): Promise<Run> {
  for (let left = TRIES - 1; ; left--) {
    try {
      const temporal = connection();
      return await temporal.withDeadline(Date.now() + TRY_MS, async () => {
        const { executionConfig, workflowExecutionInfo: info } =
          await temporal.workflowService.describeWorkflowExecution({ namespace, execution });
        const parent = info?.parentExecution;
        const isFirst = info?.firstRunId === execution.runId;
        const before = isFirst ? undefined : await runBefore(temporal, namespace, execution);
        return {
          type: info?.type?.name ?? '',
          taskQueue: executionConfig?.taskQueue?.name ?? '',
          startedAt: Number(info?.startTime?.seconds ?? 0) * 1_000,
          ...(parent?.workflowId && { parent: { workflowId: parent.workflowId, runId: parent.runId ?? '' } }),
          ...(before && { before: { workflowId: execution.workflowId, runId: before } }),
        };
      });
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (left === 0 || code === NOT_FOUND || CANNOT_TELL.includes(code)) throw error;
    }
  }
}

/** The first event of a run says which one continued as it. */
async function runBefore(
  { workflowService }: NativeConnection,
  namespace: string,
  execution: Execution,
): Promise<string | undefined> {
  const request = { namespace, execution, maximumPageSize: 1 };
  const { history } = await workflowService.getWorkflowExecutionHistory(request);
  return history?.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
}

/**
 * Reads the schedules of loads on this worker's task queue: what is due, what was started, what was left out. Anything
 * that somebody else may have written is checked or cut.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { z } from 'zod';
import { isTimeZone } from '../../domain/input/source-template.js';
import { sharedQueueOf } from '../../domain/file-groups.js';
import { isText, isWorkflowId } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { MAX_LISTED_RUNS, MAX_SCHEDULE_ID, MAX_WATCHED } from '../../protocol/activities/schedule-types.js';
import type { SchedulesRead, SeenSchedule } from '../../protocol/activities/schedule-types.js';
import { watcherIdOf } from '../../protocol/messages/schedule-messages.js';
import type { ActivityDependencies } from '../dependencies.js';
import { runActivity } from '../run-activity.js';

/** Schedules of all queues of the namespace that are described to find this queue's. */
const MAX_DESCRIBED = 1_000;
const PAGE = 20;
const AT_A_TIME = 5;
const ASK_MS = 15_000;
/** The time that Temporal appends. */
const TIME_BYTES = 30;

/** gRPC status codes. */
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
/** The server answered, and about this schedule it will answer the same again: INTERNAL and others. */
const ABOUT_ONE: readonly unknown[] = [2, 3, 7, 9, 13, 15];

export function readSchedules(
  dependencies: Pick<ActivityDependencies, 'notifier' | 'filesQueue'>,
): (input: object) => Promise<SchedulesRead> {
  return runActivity(async (_input, { signal }) => {
    const { client, info } = Context.current();
    const taskQueue = sharedQueueOf(info.taskQueue, dependencies.filesQueue);
    // A second watcher would tell everything twice.
    if (info.workflowExecution?.workflowId !== watcherIdOf(taskQueue)) {
      throw ApplicationFailure.nonRetryable(
        `Only the workflow ${watcherIdOf(taskQueue)} watches schedules. Workers start it themselves.`,
        'CALLER_REFUSED',
      );
    }
    const graceMs = dependencies.notifier?.graceMs;
    if (graceMs === undefined) return { schedules: [], tooMany: false };
    try {
      const asked = <T>(call: () => Promise<T>): Promise<T> =>
        client.withAbortSignal(signal, () => client.withDeadline(Date.now() + ASK_MS, call));
      const { ids, isCut } = await listIds(client, asked);
      const found: SeenSchedule[] = [];
      const unread: string[] = [];
      for (let from = 0; from < ids.length && found.length <= MAX_WATCHED; from += AT_A_TIME) {
        const some = ids.slice(from, from + AT_A_TIME);
        const seen = await Promise.all(some.map((id) => asked(() => describe(client, id, taskQueue))));
        found.push(...seen.filter((one) => typeof one === 'object'));
        unread.push(...some.filter((_, i) => seen[i] === 'unread'));
      }
      if (found.length === 0 && unread.length > 0) throw new Error('No schedule can be described');
      return {
        ...{ graceMs, schedules: found.slice(0, MAX_WATCHED) },
        ...(unread.length > 0 && { unread: unread.slice(0, MAX_WATCHED) }),
        tooMany: isCut || found.length > MAX_WATCHED,
      };
    } catch (error) {
      signal.throwIfAborted();
      throw new NightloadError(
        'SCHEDULES_UNREADABLE',
        'Temporal did not list or describe the schedules. The worker asks again; its user needs permission to read schedules.',
        { retryable: true, cause: error },
      );
    }
  });
}

type Asked = <T>(call: () => Promise<T>) => Promise<T>;

async function listIds(client: Client, asked: Asked): Promise<{ ids: string[]; isCut: boolean }> {
  const { namespace } = client.options;
  const ids: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array();
  let size = PAGE;
  for (;;) {
    const request = { namespace, maximumPageSize: size, nextPageToken };
    const page = await asked(() => client.workflowService.listSchedules(request)).catch((error: unknown) => {
      // Each entry has a memo of up to 2 MB.
      if ((error as { code?: unknown }).code !== RESOURCE_EXHAUSTED || size === 1) throw error;
      return undefined;
    });
    if (page === undefined) {
      size = 1;
      continue;
    }
    for (const { scheduleId: id, info } of page.schedules ?? []) {
      const isLoad = info?.workflowType?.name === 'bulkLoad';
      if (isLoad && id && isText(id, MAX_SCHEDULE_ID) && isWorkflowId(id)) ids.push(id);
    }
    nextPageToken = page.nextPageToken ?? new Uint8Array();
    if (ids.length > MAX_DESCRIBED) return { ids: ids.slice(0, MAX_DESCRIBED), isCut: true };
    if (nextPageToken.length === 0) return { ids, isCut: false };
  }
}

/** Undefined if it is gone, or belongs to other workers. One that is broken must not hide the others. */
async function describe(
  client: Client,
  scheduleId: string,
  taskQueue: string,
): Promise<SeenSchedule | 'unread' | undefined> {
  const { namespace } = client.options;
  const found = await client.workflowService.describeSchedule({ namespace, scheduleId }).catch((error: unknown) => {
    const { code } = error as { code?: unknown };
    if (code === NOT_FOUND) return undefined;
    if (ABOUT_ONE.includes(code)) return 'unread' as const;
    throw error;
  });
  if (found === 'unread') return found;
  const { schedule, info } = found ?? {};
  const action = schedule?.action?.startWorkflow;
  const workflowId = action?.workflowId ?? '';
  const zone = schedule?.spec?.timezoneName;
  if (action?.taskQueue?.name !== taskQueue || action.workflowType?.name !== 'bulkLoad') return undefined;
  if (!isWorkflowId(workflowId + ' '.repeat(TIME_BYTES))) return undefined;
  return {
    id: scheduleId,
    changedAt: Math.max(millis(info?.createTime), millis(info?.updateTime)),
    paused: schedule?.state?.paused === true,
    next: (info?.futureActionTimes ?? []).slice(0, MAX_LISTED_RUNS).map(millis),
    started: (info?.recentActions ?? []).slice(-MAX_LISTED_RUNS).map(({ scheduleTime }) => millis(scheduleTime)),
    skipped: countOf(info?.overlapSkipped),
    missed: countOf(info?.missedCatchupWindow),
    workflowId,
    ...(await namesIn(client, action)),
    ...(isTimeZone(zone) && { timeZone: zone }),
  };
}

const name = z
  .string()
  .refine((text) => isText(text, 255))
  .catch('');
const NAMES = z.object({ object: name, operation: name, connection: name.optional() });
type Names = Pick<SeenSchedule, 'object' | 'operation' | 'connection'>;

/** From the input of its loads; it may be encrypted with keys that this worker does not have. */
async function namesIn(
  client: Client,
  { workflowId, input }: { workflowId?: string | null; input?: { payloads?: unknown } | null },
): Promise<Names> {
  try {
    const { namespace, loadedDataConverter } = client.options;
    const payloads = ((input?.payloads ?? []) as Parameters<typeof decodeArrayFromPayloads>[1])?.slice(0, 1);
    const context = { type: 'workflow', namespace, workflowId: workflowId ?? '' } as const;
    const [given] = await decodeArrayFromPayloads(loadedDataConverter, payloads, context);
    const { connection = 'default', ...names } = NAMES.parse(given);
    return { ...names, connection };
  } catch {
    return { object: '', operation: '', connection: '' };
  }
}

type Timestamp = { seconds?: unknown; nanos?: number | null } | null | undefined;

function millis(at: Timestamp): number {
  return Number(at?.seconds ?? 0) * 1_000 + Math.floor((at?.nanos ?? 0) / 1e6);
}

function countOf(value: unknown): number {
  const found = Number(value ?? 0);
  return Number.isSafeInteger(found) && found >= 0 ? found : 0;
}

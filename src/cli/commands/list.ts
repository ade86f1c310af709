/** `nightload list`: the newest loads, or those of an object, a state or a time. */
import type { Client } from '@temporalio/client';
import { readField } from '../../codec/read-payloads.js';
import { readPartOfResult } from '../../client/answers/load-result.js';
import type { PartOfResult } from '../../client/answers/load-result.js';
import { isInvalidArgument } from '../../client/temporal-errors.js';
import { listRuns, statusName } from '../../client/pages.js';
import { quoted } from '../../domain/text/visibility-query.js';
import type { ListedRun } from '../../client/pages.js';
import { RESULT_MEMO } from '../../contract/names.js';
import type { LoadError } from '../../contract/load-result.js';
import { API_NAME } from '../../domain/name-and-number-limits.js';
import { toMs } from '../../domain/input/durations.js';
import { loadIdFrom, reachableId } from '../../domain/load-ids.js';
import { plainText } from '../../domain/text/plain-text.js';
import { shown } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { printJson, say } from '../shared/output.js';
import { ONE_ANSWER, withClient } from '../temporal/connect.js';

/** Pages of a list are requested for this long; then what arrived is shown. */
const LIST_LIMIT_MS = 20_000;

/** Characters of an id in a list, where each load has one line; Temporal permits more. */
const MAX_ID = 1_000;

/** Temporal's own status by the state that this command prints; only the result tells the two completed ones apart. */
const STATUSES = {
  Running: 'Running',
  Completed: 'Completed',
  CompletedWithRejects: 'Completed',
  Failed: 'Failed',
  Canceled: 'Canceled',
  Terminated: 'Terminated',
  TimedOut: 'TimedOut',
} as const;

type ListedState = keyof typeof STATUSES;

export interface ListOptions {
  limit: number;
  /** As printed. */
  state?: string;
  object?: string;
  /** A duration before now, or ISO 8601. */
  since?: string;
  json?: boolean;
}

type ListFilter = Pick<ListOptions, 'object' | 'since'> & { state?: ListedState | undefined };

/**
 * The visibility query for the wanted loads.
 * @throws NightloadError `INVALID_INPUT`
 */
export function listQuery({ state, object, since }: ListFilter, now: number): string {
  return [
    // A load that continued as new has several runs: the newest one represents it.
    "WorkflowType = 'bulkLoad' AND ExecutionStatus != 'ContinuedAsNew'",
    ...(state === undefined ? [] : [`ExecutionStatus = '${STATUSES[state]}'`]),
    ...(object === undefined ? [] : [`NightloadObject = ${quoted(objectOf(object))}`]),
    ...(since === undefined ? [] : [`StartTime >= '${new Date(timeOf(since, now)).toISOString()}'`]),
  ].join(' AND ');
}

/** @throws NightloadError `INVALID_INPUT` */
export function listedState(given: string): ListedState {
  const states = Object.keys(STATUSES) as ListedState[];
  const found = states.find((state) => state.toLowerCase() === given.toLowerCase());
  return found ?? refuse(`--state is ${shown(given)}; it must be one of ${states.join(', ')}.`);
}

function objectOf(given: string): string {
  return API_NAME.test(given)
    ? given
    : refuse(`--object is ${shown(given)}; it must be an sObject API name such as Account or Invoice__c.`);
}

const ISO = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$/;

function timeOf(given: string, now: number): number {
  const time = ISO.test(given) ? Date.parse(given) : now - toMs(given);
  const isTime = Number.isFinite(time) && time >= 0 && time <= now;
  return isTime
    ? time
    : refuse(`--since is ${shown(given)}; write a duration such as 24h or 7d, or a time such as 2026-11-28T18:00Z.`);
}

function refuse(message: string): never {
  throw new NightloadError('INVALID_INPUT', message);
}

/** A load in the list, and its line. */
interface ListedLoad {
  loadId: string;
  workflowId: string;
  runId: string;
  state: string;
  startTime: Date;
  records?: PartOfResult['records'];
  /** Why its result is not shown. */
  error?: LoadError;
}

/** The newest loads, including those started by parents. */
export async function list(options: ListOptions): Promise<number> {
  const state = options.state === undefined ? undefined : listedState(options.state);
  const query = listQuery({ ...options, state }, Date.now());
  return withClient(async (client) => {
    const show = async (run: ListedRun): Promise<ListedLoad | undefined> => {
      const load = await listedLoad(client, run);
      return state === undefined || isIn(load, state) ? load : undefined;
    };
    // The server returns running ones first, however old, then those that ended last: each kind is asked for apart.
    const kinds =
      state === undefined ? ['=', '!='].map((sign) => `${query} AND ExecutionStatus ${sign} 'Running'`) : [query];
    // Whatever it reads until then is shown.
    const lists = await client
      .withDeadline(Date.now() + LIST_LIMIT_MS, async () => {
        const read: Awaited<ReturnType<typeof listRuns<ListedLoad>>>[] = [];
        for (const kind of kinds) read.push(await listRuns(client, kind, { limit: options.limit, show }));
        return read;
      })
      .catch((error: unknown) => {
        throw options.object === undefined ? error : asUnknownAttribute(error);
      });
    const all = lists.flatMap(({ entries }) => entries);
    const found = all.sort((a, b) => b.startTime.getTime() - a.startTime.getTime()).slice(0, options.limit);
    const cut = lists.find((one) => one.cut !== undefined)?.cut;
    for (const load of found) say(lineOf(load));
    const hidden = found.flatMap(({ error }) => error ?? []);
    const [first] = hidden;
    if (first !== undefined) {
      say(
        `The results of ${hidden.length} of these ${found.length} loads cannot be read here. ${first.code}: ${first.message}`,
      );
    }
    if (cut !== undefined) say(await notListed(client, { query, missing: options.limit - found.length, cut }));
    else if (found.length === 0) say(hasFilter(options) ? 'No load matches.' : 'This namespace has no loads.');
    if (options.json === true) printJson(found);
    return cut === undefined ? 0 : 1;
  }, ONE_ANSWER);
}

function hasFilter({ state, object, since }: ListOptions): boolean {
  return [state, object, since].some((filter) => filter !== undefined);
}

/** A completed load whose result cannot be read may be either. */
function isIn({ state, error }: ListedLoad, wanted: ListedState): boolean {
  return state === wanted || STATUSES[wanted] !== 'Completed' || (error !== undefined && state === 'COMPLETED');
}

/** Loads of a namespace without nightload's search attributes run, but cannot be found by object. */
function asUnknownAttribute(error: unknown): unknown {
  if (!isInvalidArgument(error)) return error;
  return new NightloadError(
    'INVALID_INPUT',
    'This namespace has no search attribute NightloadObject, so loads cannot be found by object. List them without ' +
      '--object, or register the search attributes (see docs/temporal-ui.md).',
    { cause: error },
  );
}

async function listedLoad(client: Client, run: ListedRun): Promise<ListedLoad> {
  const { workflowId: id, runId } = run.execution ?? {};
  const workflowId = id ?? '';
  const { value, error } = await readField(client, run.memo?.fields, { key: RESULT_MEMO, workflowId });
  const result = value === undefined ? undefined : readPartOfResult(value);
  const status = statusName(run.status);
  return {
    loadId: result?.loadId ?? loadIdFrom(workflowId),
    workflowId,
    runId: runId ?? '',
    state: status === 'RUNNING' ? 'Running' : (result?.state ?? status),
    startTime: new Date(Number(run.startTime?.seconds ?? 0) * 1000 + (run.startTime?.nanos ?? 0) / 1e6),
    ...(result !== undefined && { records: result.records }),
    ...(error !== undefined && { error: { code: error.code, message: error.message } }),
  };
}

function lineOf({ startTime, state, workflowId, records, error }: ListedLoad): string {
  const landed = records === undefined ? '' : `${records.succeeded ?? '?'} of ${records.total ?? '?'} rows landed`;
  const counts = error === undefined ? landed : 'result unreadable';
  return `${startTime.toISOString().slice(0, 19)}Z  ${state.padEnd(20)} ${plainText(reachableId(workflowId), MAX_ID)}  ${counts}`.trimEnd();
}

interface NotListed {
  query: string;
  missing: number;
  cut: NightloadError;
}

/** How many loads of the wanted number could not be read, and why. */
async function notListed(client: Client, { query, missing, cut }: NotListed): Promise<string> {
  const total = await client.workflow.count(query).then(
    ({ count }) => count,
    () => undefined,
  );
  const number = total === undefined ? 'Other' : String(Math.min(missing, total));
  return `${number} more loads could not be listed. ${cut.code}: ${cut.message}`;
}

/**
 * The control API, for people and tests in other processes. It is not part of the platform, and its requests
 * never count.
 */
import { aNumber, anything, check, flag, listOf, oneOf, text, texts, whole } from './json-shape.js';
import { asFault } from './faults.js';
import { jsonReply, notFound, parseJson } from './http.js';
import type { Reply } from './http.js';
import { jobReply } from '../jobs/job-reply.js';
import type { Jobs } from '../jobs/jobs.js';
import { LOGIN_FAILURES } from '../auth/oauth.js';
import type { LoginFailure } from '../auth/oauth.js';
import type { Org } from '../org/org.js';
import type { RowRule } from '../org-folder/object-file.js';
import type { Simulator } from '../simulator.js';

const DOOR = '/__simulator/';

export const isControl = (path: string): boolean => path.startsWith(DOOR);

type Body = Record<string, unknown>;

export interface Controlled {
  simulator: Pick<
    Simulator,
    | 'ledger'
    | 'fault'
    | 'clearFaults'
    | 'expireTokens'
    | 'failNextJobAfter'
    | 'failLogins'
    | 'seedRecords'
    | 'setRowRules'
    | 'unevaluatedRules'
    | 'users'
    | 'setRecordsPerSecond'
  >;
  jobs: Jobs;
  org: Org;
}

interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  content: string;
}

/** Handles a request with the correct key. */
export async function control(
  { simulator, jobs, org }: Controlled,
  { method, path, query, content }: Asked,
): Promise<Reply> {
  const name = path.slice(DOOR.length);
  if (method === 'GET') {
    if (name === 'ledger') return ledger(simulator, jobs);
    if (name === 'records') return records(org, query);
    if (name === 'unevaluated-rules') return jsonReply(200, simulator.unevaluatedRules);
    if (name === 'users') return jsonReply(200, simulator.users);
    throw notFound();
  }
  const body = parseJson(content || '{}');
  if (name === 'seed') {
    check(name, body, { object: text, rows: listOf(texts) }, ['object', 'rows']);
    const rows = body['rows'] as Record<string, string>[];
    return jsonReply(200, { ids: simulator.seedRecords(String(body['object']), rows) });
  }
  const done = await act(simulator, name, body);
  if (!done) throw notFound();
  return jsonReply(200, {});
}

async function act(simulator: Controlled['simulator'], name: string, body: Body): Promise<boolean> {
  switch (name) {
    case 'fault':
      simulator.fault(asFault(body));
      return true;
    case 'clear':
      simulator.clearFaults();
      return true;
    case 'speed':
      check(name, body, { recordsPerSecond: aNumber }, ['recordsPerSecond']);
      await simulator.setRecordsPerSecond(body['recordsPerSecond'] as number);
      return true;
    case 'row-rules':
      check(name, body, { object: text, rules: anything }, ['object', 'rules']);
      simulator.setRowRules(body['object'] as string, body['rules'] as RowRule[]);
      return true;
    case 'expire-tokens':
      simulator.expireTokens();
      return true;
    case 'fail-next-job':
      check(name, body, { records: whole, losesRest: flag, errorMessage: text, times: whole });
      simulator.failNextJobAfter((body['records'] as number | undefined) ?? 0, {
        losesRest: body['losesRest'] === true,
        ...(typeof body['errorMessage'] === 'string' && { errorMessage: body['errorMessage'] }),
        ...(typeof body['times'] === 'number' && { times: body['times'] }),
      });
      return true;
    case 'fail-logins':
      check(name, body, { failure: oneOf(Object.keys(LOGIN_FAILURES)), times: whole }, ['failure']);
      simulator.failLogins(body['failure'] as LoginFailure, body['times'] as number | undefined);
      return true;
    default:
      return false;
  }
}

async function ledger({ ledger: { requests } }: Controlled['simulator'], jobs: Jobs): Promise<Reply> {
  await jobs.advanceAll();
  const summary = jobs
    .all()
    .map((job) => ({ ...jobReply(job, 'info'), uploads: job.uploads, polls: job.polls, records: job.processed }));
  return jsonReply(200, { requests, jobs: summary });
}

/** All records of an object, one per line; with a key field, how often a row was applied to each of its values. */
function records(org: Org, query: URLSearchParams): Reply {
  const table = org.table(query.get('object') ?? '');
  if (table === undefined) throw notFound();
  const key = query.get('key');
  async function* body(): AsyncGenerator<Buffer> {
    let text = key === null ? '[' : '{';
    let first = true;
    for (const record of table?.records() ?? []) {
      const value = key === null ? '' : record.values.get(key);
      if (value === undefined || (key !== null && record.deleted)) continue;
      const { values, ...rest } = record;
      const entry = { ...rest, values: Object.fromEntries(values) };
      text += `${first ? '' : ',\n'}${key === null ? JSON.stringify(entry) : `${JSON.stringify(value)}:${rest.applied}`}`;
      first = false;
      if (text.length < 65_536) continue;
      yield Buffer.from(text);
      text = '';
    }
    yield Buffer.from(`${text}${key === null ? ']' : '}'}\n`);
  }
  return { status: 200, headers: { 'content-type': 'application/json' }, body: body() };
}

/** A simulated org for one test, called over HTTP as a program would call it. */
import { parse } from 'csv-parse/sync';
import { afterEach } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';

export const BASE = '/services/data/v66.0';
export const INGEST = `${BASE}/jobs/ingest`;

export type Json = Record<string, unknown>;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
}

interface LoadedJob {
  id: string;
  info: Json;
  succeeded: Record<string, string>[];
  failed: Record<string, string>[];
  /** `sf__Error` of the failed rows, ordered by their first uploaded column. */
  errors: string[];
  unprocessed: string;
}

export interface JobRequest {
  object?: string;
  operation?: string;
  externalIdFieldName?: string;
  columnDelimiter?: string;
  lineEnding?: string;
  [name: string]: string | undefined;
}

export interface TestOrg extends Simulator {
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Its id. */
  create(request?: JobRequest, version?: string): Promise<string>;
  /** Uploads and closes. */
  send(id: string, csv: string): Promise<void>;
  ended(id: string): Promise<Json>;
  /** All steps from the create to the three result files. */
  load(csv: string, request?: JobRequest): Promise<LoadedJob>;
}

const orgs: Simulator[] = [];

afterEach(async () => {
  for (const org of orgs.splice(0)) await org.close();
});

/** As fast as possible, unless the options differ. */
export async function openOrg(options: SimulatorOptions = {}): Promise<TestOrg> {
  const org = await startSimulator({ queueDelayMs: 0, recordsPerSecond: 1e9, ...options });
  orgs.push(org);
  const ask: TestOrg['ask'] = async (method, path, body, headers = {}) => {
    const reply = await fetch(org.url + path, {
      method,
      headers: { authorization: `Bearer ${org.token}`, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await reply.text();
    const isJson = reply.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: reply.status, headers: reply.headers, text, json: isJson ? (JSON.parse(text) as Json) : {} };
  };
  const create: TestOrg['create'] = async (request = {}, version = 'v66.0') => {
    const answer = await ask('POST', `/services/data/${version}/jobs/ingest`, {
      object: 'Account',
      operation: 'insert',
      ...request,
    });
    if (answer.status >= 300) throw new Error(answer.text);
    return String(answer.json['id']);
  };
  const send: TestOrg['send'] = async (id, csv) => {
    const upload = await ask('PUT', `${INGEST}/${id}/batches`, csv, { 'content-type': 'text/csv' });
    if (upload.status !== 201) throw new Error(upload.text);
    const close = await ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' });
    if (close.status !== 200) throw new Error(close.text);
  };
  const ended: TestOrg['ended'] = async (id) => {
    for (;;) {
      const { json } = await ask('GET', `${INGEST}/${id}`);
      if (['JobComplete', 'Failed', 'Aborted'].includes(String(json['state']))) return json;
      await new Promise((done) => setTimeout(done, 5));
    }
  };
  const file = async (id: string, name: string): Promise<string> => (await ask('GET', `${INGEST}/${id}/${name}`)).text;
  const load: TestOrg['load'] = async (csv, request) => {
    const id = await create(request);
    await send(id, csv);
    const info = await ended(id);
    const failed = rowsOf(await file(id, 'failedResults'));
    return {
      id,
      info,
      succeeded: rowsOf(await file(id, 'successfulResults')),
      failed,
      errors: failed
        .map((row) => Object.values(row) as string[])
        .sort((a, b) => String(a[2]).localeCompare(String(b[2]), 'en', { numeric: true }))
        .map((cells) => cells[1] as string),
      unprocessed: await file(id, 'unprocessedrecords'),
    };
  };
  return { ...org, ask, create, send, ended, load };
}

function rowsOf(csv: string): Record<string, string>[] {
  // A header alone, which need not be parseable.
  if (csv.indexOf('\n') === csv.length - 1) return [];
  return parse(csv, { columns: true, delimiter: csv.startsWith('"sf__Id"') ? csv.charAt(8) : ',' });
}

/** A clock that stands still until it is set. */
export class Clock {
  ms = Date.UTC(2026, 10, 23, 20);
  now = (): number => this.ms;

  pass(hours: number): void {
    this.ms += hours * 3_600_000;
  }
}

/** The text of the first error of a reply. */
export function refusal({ status, json }: Answer): [number, string, string] {
  const [error] = json as unknown as { errorCode: string; message: string }[];
  return [status, error?.errorCode ?? '', error?.message ?? ''];
}

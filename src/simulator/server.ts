/** The simulated org over HTTP, on loopback: paths, tokens, limits, faults, and a door for tests of other processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Faults } from './faults.js';
import type { Fault, RequestKind } from './faults.js';
import { notFound, readBody, Refusal, sendJson, sendRefusal } from './http.js';
import type { Job } from './job.js';
import type { JobWorld } from './job.js';
import { jobReply, Jobs } from './jobs.js';
import { Ledger } from './ledger.js';
import { describeReply } from './metadata.js';
import { Org } from './org.js';
import type { StoredRecord } from './org.js';
import { randomFrom } from './random.js';
import { sendResults } from './results.js';
import { LockTries } from './rows.js';

export interface SimulatorOptions {
  /** @default 0, any free one */
  port?: number;
  /** The access token that is accepted. @default '00D000000000001AAA!simulated' */
  token?: string;
  /** The org's clock, in milliseconds; looked at with every request. @default Date.now */
  now?: () => number | Promise<number>;
  /** Same seed, same order of result rows. @default 1 */
  seed?: number;
  /** Between the close of a job and its begin. @default 200 */
  queueDelayMs?: number;
  /** Of each job. @default 20,000 */
  recordsPerSecond?: number;
  /** A further row rule: gives an error such as `CODE:message:Field --`. */
  rowOutcome?: JobWorld['rowOutcome'];
}

export interface Simulator {
  url: string;
  token: string;
  ledger: Ledger;
  jobs(): Job[];
  records(object: string): StoredRecord[];
  seedRecords(object: string, rows: readonly Record<string, string>[]): string[];
  fault(fault: Fault): void;
  /** Faults that were not met are forgotten. */
  clearFaults(): void;
  /**
   * The next job that is created fails once so many of its rows are through. With `losesRest` its other rows are in no
   * result file, as those beyond the daily allocation.
   */
  failNextJobAfter(records: number, options?: { losesRest?: boolean }): void;
  setRecordsPerSecond(recordsPerSecond: number): Promise<void>;
  close(): Promise<void>;
}

export const SIMULATOR_TOKEN = '00D000000000001AAA!simulated';
const VERSIONS = [58, 59, 60, 61, 62, 63, 64, 65, 66];
const MAX_API_REQUESTS = 100_000;
const MAX_BATCHES = 15_000;
/** How often running jobs do their work although nobody looks, so that one look is not left with all of it. */
const TICK_MS = 100;

interface Route {
  kind: RequestKind;
  jobId?: string;
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { token = SIMULATOR_TOKEN, seed = 1, queueDelayMs = 200, recordsPerSecond = 20_000 } = options;
  const source = options.now;
  let time = source === undefined ? 0 : await source();
  const now = (): number => (source === undefined ? Date.now() : time);
  const lookAtClock = async (): Promise<void> => {
    if (source !== undefined) time = await source();
  };
  const org = new Org();
  const ledger = new Ledger();
  const faults = new Faults();
  const folder = await mkdtemp(join(tmpdir(), 'nightload-org-'));
  const world = { org, locks: new LockTries(), random: randomFrom(seed), queueDelayMs, rowOutcome: options.rowOutcome };
  const jobs = new Jobs({ org, folder, now, recordsPerSecond, world });

  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else
        sendRefusal(response, error instanceof Refusal ? error : new Refusal(500, 'UNKNOWN_EXCEPTION', String(error)));
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await lookAtClock();
    const path =
      (request.url ?? '')
        .split('?')[0]
        ?.replace(/\/{2,}/g, '/')
        .replace(/\/$/, '') ?? '';
    if (path.startsWith('/__simulator/')) return control(path, request, response);
    const body = request.method === 'POST' || request.method === 'PATCH' ? await readBody(request) : '';
    const route = routeOf(request.method ?? 'GET', path, body);
    const entry = { at: now(), method: request.method ?? 'GET', path, status: 0, kind: route.kind };
    ledger.requests.push(route.jobId === undefined ? entry : { ...entry, jobId: route.jobId });
    const noted = ledger.requests.at(-1);
    response.once('finish', () => {
      if (noted !== undefined) noted.status = response.statusCode;
    });
    response.setHeader('sforce-limit-info', `api-usage=${ledger.requests.length}/${MAX_API_REQUESTS}`);
    const fault = faults.take(route.kind);
    if (fault === 'reset') return void request.socket.destroy();
    if (fault === 'hang') return;
    if (typeof fault === 'object') return answerFault(fault, request, response);
    if (request.headers.authorization !== `Bearer ${token}`) {
      request.resume();
      throw new Refusal(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
    }
    if (fault === 'resetAfterApply') {
      // The work is done, and its reply is lost.
      response.end = ((): ServerResponse => {
        request.socket.destroy();
        return response;
      }) as ServerResponse['end'];
    }
    await route.answer(request, response);
  }

  function routeOf(method: string, path: string, body: string): Route {
    const none: Route = { kind: 'other', answer: () => Promise.reject(notFound()) };
    if (path === '/services/data' && method === 'GET') {
      return {
        kind: 'versions',
        answer: async (_request, response) =>
          sendJson(
            response,
            200,
            VERSIONS.map((v) => ({ label: `v${v}`, url: `/services/data/v${v}.0`, version: `${v}.0` })),
          ),
      };
    }
    const match = /^\/services\/data\/v(\d+)\.0\/(.+)$/.exec(path);
    if (match === null || !VERSIONS.includes(Number(match[1]))) return none;
    const [resource = '', name = '', id = '', part] = (match[2] ?? '').split('/');
    if (resource === 'limits' && method === 'GET')
      return { kind: 'limits', answer: async (_q, response) => sendJson(response, 200, limits()) };
    if (resource === 'sobjects' && id === 'describe' && method === 'GET')
      return { kind: 'describe', answer: describe(name) };
    if (resource !== 'jobs' || name !== 'ingest') return none;
    return ingestRoute(method, id, part, body, Number(match[1])) ?? none;
  }

  function ingestRoute(
    method: string,
    id: string,
    part: string | undefined,
    body: string,
    version: number,
  ): Route | undefined {
    const withJob = (kind: RequestKind, answer: Route['answer']): Route => ({ kind, jobId: id, answer });
    if (id === '' && method === 'POST') {
      return {
        kind: 'create',
        answer: async (_q, response) =>
          sendJson(response, 200, jobReply(jobs.create(JSON.parse(body), version), 'create')),
      };
    }
    if (id === '' && method === 'GET') {
      return {
        kind: 'list',
        answer: async (_q, response) => {
          await jobs.advanceAll();
          sendJson(response, 200, {
            done: true,
            records: jobs.all().map((job) => jobReply(job, 'listed')),
            nextRecordsUrl: null,
          });
        },
      };
    }
    if (part === 'batches' && method === 'PUT') {
      return withJob('upload', async (request, response) => {
        await jobs.upload(id, request);
        response.writeHead(201, { 'content-length': '0' }).end();
      });
    }
    if (part !== undefined) {
      return method === 'GET'
        ? withJob('results', async (_q, response) => sendResults(await jobs.find(id), part, response))
        : undefined;
    }
    switch (method) {
      case 'GET':
        return withJob('info', async (_q, response) => {
          const job = await jobs.find(id);
          job.polls.push(now());
          sendJson(response, 200, jobReply(job, 'info'));
        });
      case 'PATCH': {
        const { state } = JSON.parse(body) as { state?: unknown };
        return withJob(state === 'Aborted' ? 'abort' : 'close', async (_q, response) =>
          sendJson(response, 200, jobReply(await jobs.setState(id, state), 'reduced')),
        );
      }
      case 'DELETE':
        return withJob('delete', async (_q, response) => {
          await jobs.remove(id);
          response.writeHead(204).end();
        });
      default:
        return undefined;
    }
  }

  function describe(name: string): Route['answer'] {
    return async (_request, response) => {
      const table = org.table(name);
      if (table === undefined) throw notFound();
      sendJson(response, 200, describeReply(table.object));
    };
  }

  function limits(): unknown {
    const batches = jobs.all().reduce((sum, job) => sum + Math.ceil(job.processed / 10_000), 0);
    return {
      DailyApiRequests: { Max: MAX_API_REQUESTS, Remaining: MAX_API_REQUESTS - ledger.requests.length },
      DailyBulkApiBatches: { Max: MAX_BATCHES, Remaining: MAX_BATCHES - batches },
    };
  }

  /** For tests in other processes; not part of the platform. */
  async function control(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body =
      request.method === 'POST' ? (JSON.parse((await readBody(request)) || '{}') as Record<string, unknown>) : {};
    if (path === '/__simulator/ledger') {
      await jobs.advanceAll();
      const summary = jobs.all().map((job) => ({
        ...jobReply(job, 'info'),
        uploads: job.uploads,
        polls: job.polls,
      }));
      return sendJson(response, 200, { requests: ledger.requests, jobs: summary });
    }
    if (path === '/__simulator/fault') faults.add(body as unknown as Fault);
    else if (path === '/__simulator/speed') await jobs.setRecordsPerSecond(Number(body['recordsPerSecond']));
    else throw notFound();
    sendJson(response, 200, {});
  }

  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  const ticking = setInterval(() => void jobs.advanceAll().catch(() => undefined), TICK_MS);
  ticking.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    ledger,
    jobs: () => jobs.all(),
    records: (object) => org.records(object),
    seedRecords: (object, rows) => org.seed(object, rows),
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    failNextJobAfter: (records, more) => jobs.failNextAfter(records, more),
    setRecordsPerSecond: (speed) => jobs.setRecordsPerSecond(speed),
    async close() {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      await Promise.all(jobs.all().map((job) => job.dispose()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function answerFault(
  fault: { status: number; errorCode?: string; message?: string; html?: string },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  request.resume();
  if (fault.html !== undefined) response.writeHead(fault.status, { 'content-type': 'text/html' }).end(fault.html);
  else if (fault.errorCode === undefined) response.writeHead(fault.status).end();
  else sendRefusal(response, new Refusal(fault.status, fault.errorCode, fault.message ?? ''));
}

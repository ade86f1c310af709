/** The simulated org over HTTP, on loopback: what becomes of a request, from the clock to the reply. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from './allocation.js';
import { replyInstead, resetUpload, sendBroken } from './breakage.js';
import { control, isControl } from './control.js';
import { Faults } from './faults.js';
import type { Fault, FaultAction } from './faults.js';
import { refuseAtDoor, refuseStrangers } from './guard.js';
import { readBody, readTarget, Refusal, refusalReply, sendReply } from './http.js';
import type { Reply } from './http.js';
import type { Job } from './job.js';
import type { PlannedFailure } from './job-types.js';
import { Jobs } from './jobs.js';
import { Ledger } from './ledger.js';
import { Markers } from './markers.js';
import { TokenEndpoint } from './oauth.js';
import type { LoginFailure } from './oauth.js';
import { API_VERSIONS, checkOptions, MAX_BODY_BYTES, MAX_UPLOAD_BYTES, SIMULATOR_TOKEN } from './options.js';
import type { SimulatorOptions } from './options.js';
import { Org } from './org.js';
import { Platform } from './platform.js';
import { DEFAULT_QUIRKS } from './quirks.js';
import { randomFrom } from './random.js';
import { routeOf } from './routes.js';
import type { Route, Site } from './routes.js';
import type { StoredRecord } from './table.js';
import { Tokens } from './tokens.js';

export { SIMULATOR_TOKEN };
export type { SimulatorOptions };

export interface Simulator {
  url: string;
  token: string;
  /** Opens the control door: the header `x-simulator-key` of its requests. */
  controlKey: string;
  ledger: Ledger;
  jobs(): Job[];
  records(object: string): StoredRecord[];
  seedRecords(object: string, rows: readonly Record<string, string>[]): string[];
  fault(fault: Fault): void;
  /** Faults and login failures that were not met are forgotten. */
  clearFaults(): void;
  /**
   * The next job that is created fails once so many of its rows are through. With `losesRest` its other rows are in no
   * result file, as those beyond the daily allocation; with `times` so many jobs fail, one after the other.
   */
  failNextJobAfter(records: number, options?: Omit<PlannedFailure, 'records'>): void;
  /** Every access token that is out, the ready one too, is dead. */
  expireTokens(): void;
  /** The next calls for a token are refused so. */
  failLogins(failure: LoginFailure, times?: number): void;
  setRecordsPerSecond(recordsPerSecond: number): Promise<void>;
  close(): Promise<void>;
}

/** How often running jobs do their work although nobody looks, so that one look is not left with all of it. */
const TICK_MS = 100;

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  checkOptions(options);
  const source = options.now;
  let time = source === undefined ? 0 : await source();
  const now = (): number => (source === undefined ? Date.now() : time);
  const parts = assemble(options, now, await mkdtemp(join(tmpdir(), 'nightload-org-')));
  const { jobs, org, ledger, faults, tokens, tokenEndpoint, allocations, quirks, folder } = parts;
  for (const fault of options.faults ?? []) faults.add(fault);
  const site: Site = { ...parts, url: () => simulator.url, now };

  const { controlKey = randomBytes(24).toString('base64url'), hosts = [] } = options;
  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => turnAway(request, response, error));
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    refuseStrangers(request, { port: (server.address() as AddressInfo).port, hosts });
    const { path, query } = readTarget(request.url ?? '');
    const method = request.method ?? 'GET';
    if (isControl(path)) refuseAtDoor(method, request.headers, controlKey);
    if (source !== undefined) time = await source();
    const hasBody = method === 'POST' || method === 'PATCH';
    const body = hasBody ? await readBody(request, MAX_BODY_BYTES) : Buffer.alloc(0);
    if (isControl(path)) {
      const asked = control({ simulator, jobs, org }, { method, path, query, content: body.toString('utf8') });
      return sendReply(response, await asked.catch((error: unknown) => asReply(error, 400)));
    }
    const route = routeOf(site, { request, method, path, query, body });
    const { kind, jobId } = route;
    const entry = { at: now(), method, path, status: 0, kind, ...(jobId !== undefined && { jobId }) };
    ledger.requests.push(entry);
    response.once('finish', () => (entry.status = response.statusCode));
    // Calls for a token use up nothing and say nothing of limits.
    const within = kind === 'token' || allocations.apiRequests.take(now());
    if (kind !== 'token') {
      const { max } = allocations.apiRequests;
      response.setHeader('sforce-limit-info', `api-usage=${max - allocations.apiRequests.remaining(now())}/${max}`);
    }
    const { upTo = 0, end = '' } = options.deprecation ?? {};
    if (Number(/^\/services\/data\/v(\d+)\.0\//.exec(path)?.[1] ?? Infinity) <= upTo) {
      response.setHeader('warning', `299 - "This API is deprecated and will be removed by ${end}."`);
    }
    const fault = faults.take(kind, path);
    if (fault === 'reset') return void request.socket.destroy();
    if (fault === 'hang') return;
    if (typeof fault === 'object' && 'resetUpload' in fault) return resetUpload(request, fault.resetUpload);
    if (fault === 'deadToken') tokens.kill(request.headers.authorization);
    const reply = await answer(route, request, within, fault);
    // What was not read of an upload is let through, so that its sender gets to the reply.
    if (!request.readableEnded) request.resume();
    if (fault !== undefined && fault !== 'deadToken' && !isReply(fault)) return sendBroken(response, reply, fault);
    const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    await sendReply(response, reply, quirks.gzipReplies && takesGzip);
  }

  async function answer(
    route: Route,
    request: IncomingMessage,
    within: boolean,
    fault: FaultAction | undefined,
  ): Promise<Reply> {
    try {
      if (fault !== undefined && isReply(fault)) return replyInstead(fault);
      if (route.isOpen !== true && !tokens.accepts(request.headers.authorization)) {
        throw new Refusal(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
      }
      if (!within) throw new Refusal(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
      return await route.answer();
    } catch (error) {
      return asReply(error, 500);
    }
  }

  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  const ticking = setInterval(() => void jobs.advanceAll().catch(() => undefined), TICK_MS);
  ticking.unref();
  const simulator: Simulator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: options.token ?? SIMULATOR_TOKEN,
    controlKey,
    ledger,
    jobs: () => jobs.all(),
    records: (object) => org.records(object),
    seedRecords: (object, rows) => org.seed(object, rows),
    fault: (fault) => faults.add(fault),
    clearFaults() {
      faults.clear();
      tokenEndpoint.clearFailures();
    },
    failNextJobAfter: (records, more) => jobs.failNext({ records, ...more }),
    expireTokens: () => tokens.killAll(),
    failLogins: (failure, times = 1) => tokenEndpoint.failNext(failure, times),
    setRecordsPerSecond: (speed) => jobs.setRecordsPerSecond(speed),
    async close() {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      await Promise.all(jobs.all().map((job) => job.dispose()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return simulator;
}

/** The parts of an org, put together. */
function assemble(options: SimulatorOptions, now: () => number, folder: string) {
  const { token = SIMULATOR_TOKEN, seed = 1, queueDelayMs = 200, recordsPerSecond = 20_000, rowOutcome } = options;
  const quirks = { ...DEFAULT_QUIRKS, ...options.quirks };
  const allocations = new Allocations(options.limits);
  const versions = options.apiVersions ?? API_VERSIONS;
  const org = new Org({ maxRecords: allocations.maxStoredRecords, hiddenFields: options.hiddenFields ?? [] });
  const random = randomFrom(seed);
  const lifetimeMs = options.tokenLifetimeMs ?? Infinity;
  const requests = options.tokenRequests ?? Infinity;
  const tokens = new Tokens({ ready: token, now, lifetimeMs, requests, ends: quirks.sessionEnds });
  const queueDelay = (): number =>
    typeof queueDelayMs === 'number' ? queueDelayMs : queueDelayMs[0] + random() * (queueDelayMs[1] - queueDelayMs[0]);
  const hardDelete = options.hardDelete ?? true;
  const jobs = new Jobs({
    folder,
    now,
    recordsPerSecond,
    maxUploadBytes: options.maxUploadBytes ?? MAX_UPLOAD_BYTES,
    hardDelete,
    world: { org, markers: new Markers(), allocations, quirks, random, queueDelayMs: queueDelay, rowOutcome },
  });
  const tokenEndpoint = new TokenEndpoint(options.oauth ?? {}, tokens, now);
  const platform = new Platform({ org, allocations, versions, now, since: now(), hardDelete });
  const ledger = new Ledger();
  return {
    folder,
    quirks,
    allocations,
    versions,
    org,
    tokens,
    jobs,
    tokenEndpoint,
    platform,
    ledger,
    faults: new Faults(),
  };
}

/** A refusal before a request is one of the org's. What else was sent of it is thrown away, so that its sender gets to the reply. */
function turnAway(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (!(error instanceof Refusal) || response.headersSent) return void response.destroy();
  const { status, headers, body } = refusalReply(error);
  request.resume();
  response.writeHead(status, headers).end(body);
}

const isReply = (fault: FaultAction): fault is Extract<FaultAction, { status: number }> =>
  typeof fault === 'object' && 'status' in fault;

/** @param status of an error that is no refusal of the platform */
function asReply(error: unknown, status: 400 | 500): Reply {
  // What the file system says holds paths of this machine.
  const isOurs = error instanceof Error && 'syscall' in error;
  const message = isOurs ? 'An unexpected error occurred' : error instanceof Error ? error.message : String(error);
  return refusalReply(error instanceof Refusal ? error : new Refusal(status, 'UNKNOWN_EXCEPTION', message));
}

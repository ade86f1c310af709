/** The simulated org over HTTP, on loopback: the path of a request from the clock to the reply. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from '../org/allocation.js';
import { replyInstead, resetUpload, sendBroken } from './faulty-replies.js';
import { control, isControl } from './control-api.js';
import { Faults } from './faults.js';
import type { FaultAction } from './faults.js';
import { refuseAtDoor, refuseStrangers } from './guard.js';
import { ANOTHER_USER_ID, makeId, ORG_ID } from '../org/ids.js';
import { readBody, readTarget, Refusal, refusalReply, sendReply } from './http.js';
import type { Reply } from './http.js';
import { Jobs } from '../jobs/jobs.js';
import { Ledger } from './request-log.js';
import { tempoOf } from '../jobs/tempo.js';
import { Markers } from '../org/error-markers.js';
import { TokenEndpoint } from '../auth/oauth.js';
import { API_VERSIONS, checkOptions, MAX_BODY_BYTES, MAX_UPLOAD_BYTES, SIMULATOR_TOKEN } from '../options.js';
import type { SimulatorOptions } from '../options.js';
import { Org, usersOf } from '../org/org.js';
import { Platform } from '../org/platform.js';
import { DEFAULT_QUIRKS } from '../quirks.js';
import { randomFrom } from '../random.js';
import { OrgRules } from '../org/rules/org-rules.js';
import { routeOf } from './routes.js';
import type { Route, Site } from './routes.js';
import { Tokens } from '../auth/tokens.js';
import { isFilled, seedRecords } from '../jobs/seed-records.js';
import type { SeedWorld } from '../jobs/seed-records.js';
import { OrgStore } from '../store/org-store.js';
import { withFolder } from '../org-folder/folder-options.js';
import { readOrgFolder } from '../org-folder/read-org-folder.js';
import type { OrgFolder } from '../org-folder/read-org-folder.js';
import type { OrgAccount, Simulator } from '../simulator.js';
import { unevaluatedRules } from '../org-folder/unevaluated-rules.js';

export { SIMULATOR_TOKEN };
export type { SimulatorOptions };

/** How often running jobs advance without requests, so that no single request has to do all the work. */
const TICK_MS = 100;
/** How long a request waits for work that is due by its time. */
const PATIENCE_MS = 250;

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  checkOptions(options);
  const described = options.org === undefined ? undefined : await readOrgFolder(options.org);
  const source = options.now;
  let time = source === undefined ? 0 : await source();
  const now = (): number => (source === undefined ? Date.now() : time);
  const parts = await assemble(options, described, now);
  const { jobs, org, rules, ledger, faults, tokens, tokenEndpoint, allocations, quirks, world } = parts;
  for (const fault of options.faults ?? []) faults.add(fault);
  try {
    await seedAll(options, parts.world);
    await jobs.restore();
  } catch (error) {
    await parts.dispose();
    throw error;
  }
  const { accounts } = parts;
  for (const { token, userId } of accounts.slice(1)) tokens.add(token, userId);
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
    // Calls for a token use up nothing and report no limits.
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
    // The rest of an upload is read and discarded, so that its sender receives the reply.
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
  }).catch(async (error: unknown) => {
    await parts.dispose();
    throw error;
  });
  const ticking = setInterval(() => void jobs.advanceAll().catch(() => undefined), TICK_MS);
  ticking.unref();
  const simulator: Simulator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: options.token ?? SIMULATOR_TOKEN,
    controlKey,
    users: accounts,
    unevaluatedRules: described === undefined ? [] : unevaluatedRules(described, rules),
    skippedRules: () => rules.skipped(),
    ledger,
    jobs: () => jobs.all(),
    records: (object) => org.records(object),
    seedRecords(object, rows) {
      const ids = org.seed(object, rows);
      world.store?.commit();
      return ids;
    },
    fault: (fault) => faults.add(fault),
    clearFaults() {
      faults.clear();
      tokenEndpoint.clearFailures();
    },
    failNextJobAfter: (records, more) => jobs.failNext({ records, ...more }),
    tokenOfAnotherUser: () => tokens.issueFor(ANOTHER_USER_ID, ORG_ID),
    expireTokens: () => tokens.killAll(),
    failLogins: (failure, times = 1) => tokenEndpoint.failNext(failure, times),
    setRowRules: (object, given) => rules.setRowRules(object, given),
    nextEventAt: () => jobs.nextEventAt(),
    setRecordsPerSecond: (speed) => jobs.setRecordsPerSecond(speed),
    async close() {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      await parts.dispose();
    },
  };
  return simulator;
}

/** Assembles the parts of an org. */
async function assemble(given: SimulatorOptions, described: OrgFolder | undefined, now: () => number) {
  const options = withFolder(given, described);
  const { token = SIMULATOR_TOKEN, seed = 1, queueDelayMs = 200, recordsPerSecond = 20_000, rowOutcome } = options;
  const quirks = { ...DEFAULT_QUIRKS, ...options.quirks };
  const allocations = new Allocations(options.limits ?? {}, now());
  const versions = options.apiVersions ?? API_VERSIONS;
  const { hiddenFields = [], hardDelete } = options;
  const maxRecords = allocations.maxStoredRecords;
  const org = new Org({ maxRecords, hiddenFields, folder: described, hardDelete, assumed: options.assumedRecords });
  const { rowRules = {} } = options;
  const rules = new OrgRules({ org, folder: described, rowRules, seed, separator: quirks.errorFieldSeparator });
  const random = randomFrom(seed);
  const { data } = options;
  const store = data === undefined ? undefined : await OrgStore.open(data, org);
  const folder = store?.jobsFolder ?? (await mkdtemp(join(tmpdir(), 'nightload-org-')));
  const world = { org, rules, markers: new Markers(), allocations, quirks, random, rowOutcome, store };
  const lifetimeMs = options.tokenLifetimeMs ?? Infinity;
  const requests = options.tokenRequests ?? Infinity;
  const tokens = new Tokens({ ready: token, now, lifetimeMs, requests, ends: quirks.sessionEnds });
  const queueDelay = (): number =>
    typeof queueDelayMs === 'number' ? queueDelayMs : queueDelayMs[0] + random() * (queueDelayMs[1] - queueDelayMs[0]);
  const jobs = new Jobs({
    folder,
    now,
    recordsPerSecond,
    tempo: tempoOf(described, seed),
    queueDelayMs: queueDelay,
    // A clock of a test waits for the work of its hours; the real one does not.
    patienceMs: options.now === undefined ? PATIENCE_MS : Infinity,
    maxUploadBytes: options.maxUploadBytes ?? MAX_UPLOAD_BYTES,
    world,
  });
  const accounts = accountsOf(described, token);
  const tokenEndpoint = new TokenEndpoint(options.oauth ?? {}, tokens, now, accounts);
  const platform = new Platform({ org, allocations, versions, now, since: now() });
  const ledger = new Ledger();
  /** Ends everything but the server. */
  const dispose = async (): Promise<void> => {
    await jobs.close();
    if (store === undefined) await rm(folder, { recursive: true, force: true });
  };
  return {
    world,
    dispose,
    accounts,
    rules,
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

/** Fills the objects that have no records yet. */
async function seedAll({ seedRecords: files = {} }: SimulatorOptions, world: SeedWorld): Promise<void> {
  for (const [object, path] of Object.entries(files)) {
    const file = { object, path };
    if (isFilled(world.org, file)) continue;
    await world.store?.beginFilling();
    await seedRecords(world, file);
    await world.store?.endFilling();
  }
}

/** Each user of a folder has a token that is the same at each start: it is no secret of any org. */
function accountsOf(described: OrgFolder | undefined, first: string): OrgAccount[] {
  return usersOf(described?.org ?? {}).map(({ username }, i) => ({
    username,
    userId: makeId('005', i + 1),
    token: i === 0 ? first : `${first}-${i + 1}`,
  }));
}

/**
 * A refusal before a request is also the org's reply. The rest of the request is discarded, so that its sender receives
 * the reply.
 */
function turnAway(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (!(error instanceof Refusal) || response.headersSent) return void response.destroy();
  const { status, headers, body } = refusalReply(error);
  request.resume();
  response.writeHead(status, headers).end(body);
}

const isReply = (fault: FaultAction): fault is Extract<FaultAction, { status: number }> =>
  typeof fault === 'object' && 'status' in fault;

/** @param status for an error that is not a refusal of the platform */
function asReply(error: unknown, status: 400 | 500): Reply {
  // File system errors contain paths of this machine.
  const isOurs = error instanceof Error && 'syscall' in error;
  const message = isOurs ? 'An unexpected error occurred' : error instanceof Error ? error.message : String(error);
  return refusalReply(error instanceof Refusal ? error : new Refusal(status, 'UNKNOWN_EXCEPTION', message));
}

/** Maps requests to routes by path, version and method. */
import type { IncomingMessage } from 'node:http';
import type { RequestKind } from './faults.js';
import { jsonReply, notFound, parseJson, Refusal } from './http.js';
import type { Reply } from './http.js';
import { identityOf, USER_ID } from '../org/ids.js';
import { listReply } from '../jobs/job-list.js';
import { jobReply } from '../jobs/job-reply.js';
import type { Jobs } from '../jobs/jobs.js';
import { readMultipart } from './multipart.js';
import type { TokenEndpoint } from '../auth/oauth.js';
import type { Platform } from '../org/platform.js';
import type { Quirks } from '../quirks.js';
import { resultsReply } from '../jobs/results.js';
import type { Tokens } from '../auth/tokens.js';

export interface Asked {
  request: IncomingMessage;
  method: string;
  path: string;
  query: URLSearchParams;
  /** For POST and PATCH; other bodies are not read. */
  body: Buffer;
}

export interface Route {
  kind: RequestKind;
  jobId?: string;
  /** Requires no token. */
  isOpen?: boolean;
  answer: () => Reply | Promise<Reply>;
}

export interface Site {
  /** `http://127.0.0.1:1234` */
  url: () => string;
  jobs: Jobs;
  platform: Platform;
  tokenEndpoint: TokenEndpoint;
  tokens: Tokens;
  versions: readonly number[];
  quirks: Quirks;
  now: () => number;
}

/** The routes of a known path by method. */
type Verbs = Partial<Record<string, Route>>;

const INGEST_SINCE = 41;

export function routeOf(site: Site, asked: Asked): Route {
  const verbs = verbsOf(site, asked);
  const route = verbs?.[asked.method];
  if (route !== undefined) return route;
  if (verbs === undefined) return { kind: 'other', answer: () => Promise.reject(notFound()) };
  const message = `HTTP Method '${asked.method}' not allowed. Allowed are ${Object.keys(verbs).join(',')}`;
  const answer = (): Promise<Reply> => Promise.reject(new Refusal(405, 'METHOD_NOT_ALLOWED', message));
  // If a path requires no token, a wrong method requires none either.
  const open = Object.values(verbs).find((known) => known?.isOpen === true);
  return open === undefined ? { kind: 'other', answer } : { ...open, answer };
}

/** The user of a request. */
const userOf = ({ tokens }: Site, { request }: Asked): string =>
  tokens.userOf(request.headers.authorization) ?? USER_ID;

function verbsOf(site: Site, asked: Asked): Verbs | undefined {
  const { platform, tokenEndpoint, versions } = site;
  const { path, request, body } = asked;
  const user = userOf(site, asked);
  if (path === '/services/oauth2/token') {
    const answer = (): Reply => tokenEndpoint.answer(body.toString('utf8'), request.headers.authorization, site.url());
    return { POST: { kind: 'token', isOpen: true, answer } };
  }
  if (path === '/services/oauth2/userinfo') {
    const route: Route = { kind: 'userinfo', answer: () => platform.userinfo(site.url(), user) };
    return { GET: route, POST: route };
  }
  if (path === identityOf(user)) {
    return { GET: { kind: 'userinfo', answer: () => platform.identity(site.url(), user) } };
  }
  if (path === '/services/data') return { GET: { kind: 'versions', isOpen: true, answer: () => platform.versions() } };
  const match = /^(\/services\/data\/v(\d+)\.0)(?:\/(.+))?$/.exec(path);
  const version = Number(match?.[2]);
  if (match === null || !versions.includes(version)) return undefined;
  const base = match[1] ?? '';
  const parts = partsOf(match[3] ?? '');
  if (parts === undefined) return undefined;
  return parts[0] === 'jobs' ? ingestVerbs(site, asked, base, version, parts) : dataVerbs(site, asked, base, parts);
}

/** Undefined for invalid percent encoding. */
function partsOf(path: string): string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function dataVerbs(site: Site, asked: Asked, base: string, parts: string[]): Verbs | undefined {
  const { platform, url } = site;
  const { query, request } = asked;
  const user = userOf(site, asked);
  const [resource, name, id, more] = parts;
  if (more !== undefined) return undefined;
  if (resource === '') return { GET: { kind: 'other', answer: () => platform.resources(base, url(), user) } };
  if (resource === 'limits' && name === undefined) return { GET: { kind: 'limits', answer: () => platform.limits() } };
  if (resource === 'query' && name === undefined) {
    const columns = query.get('columns') === 'true';
    return { GET: { kind: 'query', answer: () => platform.query(query.get('q') ?? '', base, columns, user) } };
  }
  if (resource !== 'sobjects') return undefined;
  if (name === undefined) return { GET: { kind: 'describe', answer: () => platform.objects(base, user) } };
  if (id === undefined) return undefined;
  if (id === 'describe') {
    const since = request.headers['if-modified-since'];
    return { GET: { kind: 'describe', answer: () => platform.describe(name, since, user) } };
  }
  return { GET: { kind: 'record', answer: () => platform.record(name, id, base, user) } };
}

function ingestVerbs(site: Site, asked: Asked, base: string, version: number, parts: string[]): Verbs | undefined {
  const [, ingest, id, part, more] = parts;
  if (ingest !== 'ingest' || more !== undefined || version < INGEST_SINCE) return undefined;
  if (id === undefined) return collectionVerbs(site, asked, base, version);
  const { jobs } = site;
  const user = userOf(site, asked);
  const withJob = (kind: RequestKind, answer: Route['answer']): Route => ({ kind, jobId: id, answer });
  if (part === 'batches') {
    return {
      PUT: withJob('upload', async () => {
        refuseContentType(site, asked, /^text\/csv\s*(?:;|$)/i, 'text/csv');
        await jobs.upload(id, asked.request);
        return { status: 201 };
      }),
    };
  }
  if (part !== undefined) {
    return { GET: withJob('results', async () => resultsReply(await jobs.find(id), part, site.quirks)) };
  }
  const state = asked.method === 'PATCH' ? wantedState(asked.body) : undefined;
  return {
    GET: withJob('info', async () => {
      const job = await jobs.find(id);
      job.polls.push(site.now());
      return jsonReply(200, jobReply(job, 'info'));
    }),
    PATCH: withJob(state === 'Aborted' ? 'abort' : 'close', async () => {
      refuseContentType(site, asked, JSON_TYPE, 'application/json');
      return jsonReply(
        200,
        jobReply(await jobs.setState(id, parseJson(asked.body.toString('utf8'))['state'], user), 'reduced'),
      );
    }),
    DELETE: withJob('delete', async () => {
      await jobs.remove(id, user);
      return { status: 204 };
    }),
  };
}

function collectionVerbs(site: Site, asked: Asked, base: string, version: number): Verbs {
  const { jobs, quirks } = site;
  const { request, body, query } = asked;
  const user = userOf(site, asked);
  return {
    POST: {
      kind: 'create',
      async answer() {
        const multipart = readMultipart(request.headers['content-type'], body);
        if (multipart === undefined) refuseContentType(site, asked, JSON_TYPE, 'application/json');
        const job =
          multipart === undefined
            ? jobs.create(parseJson(body.toString('utf8')), version, user)
            : await jobs.createWithContent(multipart, version, user);
        return jsonReply(quirks.createStatus, jobReply(job, 'create'));
      },
    },
    GET: {
      kind: 'list',
      async answer() {
        await jobs.advanceAll();
        return jsonReply(200, listReply(jobs.all(), query, base));
      },
    },
  };
}

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

function refuseContentType({ quirks }: Site, { request }: Asked, pattern: RegExp, name: string): void {
  if (quirks.contentTypes === 'any' || pattern.test(request.headers['content-type'] ?? '')) return;
  throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', `Content-Type must be ${name}`);
}

/** The requested state distinguishes a close from an abort before the request is validated. */
function wantedState(body: Buffer): unknown {
  try {
    return parseJson(body.toString('utf8'))['state'];
  } catch {
    return undefined;
  }
}

/**
 * Bulk API 2.0 of one org: the calls of a load, one HTTP request each. Nothing is retried here; see `SalesforceError`
 * for what may be tried again and what must be looked at first.
 */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiVersion, chooseVersion, parseVersions } from './api-version.js';
import { MAX_REPLY } from './bounded-body.js';
import type { ApiContext, CallContext, RequestKind } from './context.js';
import { parseDescribe } from './describe.js';
import type { ObjectDescribe } from './describe.js';
import { SalesforceError } from './errors.js';
import { broken, unexpected } from './failures.js';
import { organizationOf } from './organization.js';
import { jobRequest, parseJobInfo, parseJobPage } from './job-info.js';
import type { JobInfo, JobPage, JobSpec } from './job-info.js';
import { asArray, asObject, asText, parseJson } from './json.js';
import { parseLimits } from './limits.js';
import type { OrgLimits } from './limits.js';
import { dataPath, describePath, jobPath, jobsPath, nextPage, queryPath } from './paths.js';
import { resultStream } from './result-stream.js';
import type { AccessToken, TokenSource } from './tokens.js';
import { Transport } from './transport.js';
import type { Call, ReplyHead, Timeouts } from './transport.js';
import { UploadBody } from './upload-body.js';
import type { OpenBody } from './upload-body.js';

export type ResultKind = 'successfulResults' | 'failedResults' | 'unprocessedrecords';

export interface ResultDownload {
  /**
   * The file as the platform sends it; empty when it says that there is nothing. Fails with a retryable SalesforceError
   * when the connection breaks, but for a reply that has neither a length nor chunks: its end cannot be told from a
   * break, so count the rows.
   */
  stream: Readable;
  /** Bytes, when the platform says it. */
  contentLength?: number;
}

export interface SalesforceConnectionOptions {
  tokens: TokenSource;
  /** `66`, `66.0` or `v66.0`. @default the highest that the org offers, at most the newest tested one */
  apiVersion?: string;
  timeouts?: Partial<Timeouts>;
}

/** Before it is believed that the org has no list of versions. */
const VERSION_PAUSES_MS = [500, 1_500];

const HARD_DELETE = 'PermissionsBulkApiHardDelete';
/** Jobs of big objects have a type of their own. */
const INGEST_JOB_TYPES = ['V2Ingest', 'BigObjectIngest'] as const;
const JSON_TYPE = 'application/json';

/**
 * Bytes of a describe, the one reply that is large: 900 fields of 1 KB each, and picklists of up to 1,000 values of some
 * 90 bytes. Account of a large org has 1 to 6 MB.
 */
const MAX_DESCRIBE = 16_000_000;

/** An org keeps a job for seven days and takes 15,000 batches a day, so it lists some hundred pages of a thousand. */
const MAX_PAGES = 500;

function isHtml({ headers }: ReplyHead): boolean {
  return /\bhtml\b/i.test(headers['content-type'] ?? '');
}

export class SalesforceConnection {
  readonly #transport: Transport;
  readonly #apiVersion: string | undefined;

  /** @throws NightloadError `INVALID_API_VERSION` */
  constructor(options: SalesforceConnectionOptions) {
    this.#apiVersion = options.apiVersion === undefined ? undefined : apiVersion(options.apiVersion);
    this.#transport = new Transport(options.tokens, options.timeouts);
  }

  /** Waits for the requests that run, then ends all connections. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Ends all connections; requests that run fail. */
  async destroy(): Promise<void> {
    await this.#transport.destroy();
  }

  /** The version for a load. Takes a request only when the settings name none. */
  async resolveApiVersion(context: CallContext = {}): Promise<string> {
    if (this.#apiVersion !== undefined) return this.#apiVersion;
    for (let again = 0; ; again++) {
      try {
        return chooseVersion(await this.versions(context));
      } catch (error) {
        if (!(error instanceof SalesforceError) || error.httpStatus !== 404) throw error;
        // Something that speaks only the versioned paths, unless it is an odd reply that comes once.
        const pause = VERSION_PAUSES_MS[again];
        if (pause === undefined) return chooseVersion([]);
        await sleep(pause, undefined, { ...(context.signal && { signal: context.signal }) }).catch(() => undefined);
        context.signal?.throwIfAborted();
      }
    }
  }

  /** The token that a call would go with: signs in, if that has not been done. */
  async token({ signal }: CallContext = {}): Promise<Pick<AccessToken, 'instanceUrl'>> {
    const { instanceUrl } = await this.#transport.token(signal);
    return { instanceUrl };
  }

  /** Names the org, the same for all connections to it. Takes no request, but perhaps one for a token. */
  async organization({ signal }: CallContext = {}): Promise<string> {
    return organizationOf(await this.#transport.token(signal));
  }

  /** The API versions that the org offers, oldest first. */
  async versions(context: CallContext = {}): Promise<string[]> {
    return this.#json({ kind: 'versions', method: 'GET', path: '/services/data' }, context, parseVersions);
  }

  async createJob(spec: JobSpec, context: ApiContext): Promise<JobInfo> {
    const call = { kind: 'create', method: 'POST', path: jobsPath(context.apiVersion) } as const;
    return this.#json({ ...call, ...jsonBody(jobRequest(spec)) }, context, parseJobInfo);
  }

  /**
   * Sends a job's data. Once per job: a second upload makes the job unusable, so after an error abort the job and
   * create another one, whatever the error says about trying again.
   *
   * @param contentLength bytes; the body must have exactly so many, else `SOURCE_CHANGED` and nothing is stored
   * @param openBody called when the body is about to be sent: not when the org cannot be reached. What it throws, or its
   *   stream, comes out of this call as it is.
   * @throws SalesforceError `TOKEN_RENEWED` when the token had expired: it has been renewed, for another job
   */
  async uploadJobData(jobId: string, contentLength: number, openBody: OpenBody, context: ApiContext): Promise<void> {
    if (!Number.isSafeInteger(contentLength) || contentLength <= 0) {
      throw new RangeError(`contentLength must be a positive whole number of bytes, not ${contentLength}`);
    }
    const reply = await this.#transport.head(
      {
        kind: 'upload',
        method: 'PUT',
        path: `${jobPath(context.apiVersion, jobId)}/batches`,
        accept: JSON_TYPE,
        transfer: true,
        body: () => ({ type: 'text/csv', content: new UploadBody(openBody, contentLength) }),
      },
      context,
    );
    // 200 is not what the platform answers here: then the data goes into another job.
    const stored = reply.status === 201 && !isHtml(reply) && !reply.facts.incomplete;
    if (!stored) throw unexpected(reply.facts, reply.status, '', isHtml(reply) ? 'an HTML page' : 'another status');
  }

  /** Lets the platform begin. Its reply has no counters. */
  async closeJob(jobId: string, context: ApiContext): Promise<JobInfo> {
    return this.#setState('close', jobId, 'UploadComplete', context);
  }

  /** Batches that run are still finished. Its reply has no counters. */
  async abortJob(jobId: string, context: ApiContext): Promise<JobInfo> {
    return this.#setState('abort', jobId, 'Aborted', context);
  }

  async getJob(jobId: string, context: ApiContext): Promise<JobInfo> {
    return this.#json({ kind: 'info', method: 'GET', path: jobPath(context.apiVersion, jobId) }, context, parseJobInfo);
  }

  /**
   * Bulk API 2.0 ingest jobs of the org, of all users, in no particular order; without counters. Jobs of the older
   * Bulk API are in the same list: only by type is it short.
   */
  async *listJobs(context: ApiContext): AsyncGenerator<JobInfo> {
    const seen = new Set<string>();
    for (const type of INGEST_JOB_TYPES) {
      try {
        for await (const job of this.#listType(type, context)) {
          // An org that does not know a filter lists everything each time.
          if (!seen.has(job.id)) yield job;
          seen.add(job.id);
        }
      } catch (error) {
        // An org without big objects may not know their type.
        const unknownType = error instanceof SalesforceError && error.httpStatus === 400 && type !== 'V2Ingest';
        if (!unknownType) throw error;
      }
    }
  }

  async *#listType(type: string, context: ApiContext): AsyncGenerator<JobInfo> {
    const first = `${jobsPath(context.apiVersion)}?jobType=${type}`;
    const asked = new Set<string>();
    for (let path: string | undefined = first; path !== undefined;) {
      asked.add(path);
      const page: JobPage = await this.#json({ kind: 'list', method: 'GET', path }, context, (value) => {
        const found = parseJobPage(value);
        // A list that never ends, goes in circles or leads elsewhere is none; cut short, jobs would be missing from it.
        if (found?.next === undefined) return found;
        const next = nextPage(found.next, jobsPath(context.apiVersion));
        return next === undefined || asked.size >= MAX_PAGES || asked.has(next) ? undefined : { ...found, next };
      });
      yield* page.jobs;
      path = page.next;
    }
  }

  /** Begins the download of a result file. Read the stream to its end or destroy it. */
  async openResult(jobId: string, kind: ResultKind, context: ApiContext): Promise<ResultDownload> {
    const reply = await this.#transport.open(
      {
        kind: 'results',
        method: 'GET',
        path: `${jobPath(context.apiVersion, jobId)}/${kind}`,
        accept: 'text/csv',
        transfer: true,
      },
      context,
    );
    if (isHtml(reply)) {
      throw unexpected(reply.facts, reply.status, await this.#transport.beginning(reply));
    }
    return {
      stream: resultStream({
        body: reply.body,
        deadline: reply.deadline,
        patience: this.#transport.patience,
        explain: (error) =>
          context.signal?.aborted ? context.signal.reason : broken(reply.facts, error, reply.status),
      }),
      ...(reply.length !== undefined && { contentLength: reply.length }),
    };
  }

  async describe(object: string, context: ApiContext): Promise<ObjectDescribe> {
    const path = describePath(context.apiVersion, object);
    return this.#json({ kind: 'describe', method: 'GET', path }, context, parseDescribe, MAX_DESCRIBE);
  }

  async limits(context: ApiContext): Promise<OrgLimits> {
    const path = `${dataPath(context.apiVersion)}/limits`;
    return this.#json({ kind: 'limits', method: 'GET', path }, context, parseLimits);
  }

  /**
   * Whether the user has the permission "Bulk API Hard Delete".
   * @returns undefined when the org does not say
   */
  async mayHardDelete(context: ApiContext): Promise<boolean | undefined> {
    const may = (await this.readFields('UserPermissionAccess', [HARD_DELETE], undefined, context))?.[HARD_DELETE];
    return typeof may === 'boolean' ? may : undefined;
  }

  /** Whose token it is: ids of the org and of the user. `undefined` where the org does not tell. */
  async identity(context: ApiContext): Promise<{ organizationId: string; userId: string } | undefined> {
    const path = `${dataPath(context.apiVersion)}/`;
    return this.#json({ kind: 'versions', method: 'GET', path }, context, (value) => {
      const identity = asText(asObject(value)?.['identity']) ?? '';
      // `https://login.salesforce.com/id/00D…/005…`
      const [where, organizationId = '', userId = ''] = identity.split('/').slice(-3);
      const isWho =
        where === 'id' && /^00D[A-Za-z0-9]{12,15}$/.test(organizationId) && /^005[A-Za-z0-9]{12,15}$/.test(userId);
      return { who: isWho ? { organizationId, userId } : undefined };
    }).then(({ who }) => who);
  }

  /**
   * Fields of one record.
   * @param id the record's; without it the first one that the user sees
   */
  async readFields(
    object: string,
    fields: readonly string[],
    id: string | undefined,
    context: ApiContext,
  ): Promise<Record<string, unknown> | undefined> {
    const where = id === undefined ? '' : ` WHERE Id = '${checkedName(id)}'`;
    const soql = `SELECT ${fields.map(checkedName).join(', ')} FROM ${checkedName(object)}${where} LIMIT 1`;
    const path = queryPath(context.apiVersion, soql);
    return this.#json({ kind: 'query', method: 'GET', path }, context, (value) => {
      const [record] = asArray(asObject(value)?.['records']);
      return { record: asObject(record) };
    }).then(({ record }) => record);
  }

  async #setState(kind: RequestKind, jobId: string, state: string, context: ApiContext): Promise<JobInfo> {
    const call = { kind, method: 'PATCH', path: jobPath(context.apiVersion, jobId) } as const;
    return this.#json({ ...call, ...jsonBody({ state }) }, context, parseJobInfo);
  }

  async #json<T>(
    call: Omit<Call, 'accept'>,
    context: CallContext,
    parse: (value: unknown) => T | undefined,
    limit = MAX_REPLY,
  ): Promise<T> {
    const { facts, status, text } = await this.#transport.read({ ...call, accept: JSON_TYPE }, context, limit);
    const parsed = parse(parseJson(text));
    if (parsed === undefined) throw unexpected(facts, status, text);
    return parsed;
  }
}

/** What goes into a query as a name. */
function checkedName(name: string): string {
  if (/^\w{1,80}$/.test(name)) return name;
  throw new RangeError('a name of the platform has letters, digits and _ only');
}

function jsonBody(value: Record<string, string>): Pick<Call, 'body'> {
  return { body: () => ({ type: JSON_TYPE, content: JSON.stringify(value) }) };
}

/**
 * Bulk API 2.0 of one org: the calls of a load, one HTTP request each. Nothing is retried here; `SalesforceError` shows
 * what may be retried, and what must be checked first.
 */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiVersion, chooseVersion, parseVersions } from './resources/api-version.js';
import { MAX_REPLY } from './http/bounded-body.js';
import type { ApiContext, CallContext, RequestKind } from './http/call-context.js';
import { parseDescribe } from './resources/describe.js';
import type { ObjectDescribe } from './resources/describe.js';
import { SalesforceError } from './errors/salesforce-error.js';
import { broken, unexpected } from './errors/to-salesforce-error.js';
import { organizationOf } from './resources/org-id.js';
import { parseIdentity } from './resources/identity.js';
import type { Identity } from './resources/identity.js';
import { jobRequest, parseJobInfo } from './resources/job-info.js';
import type { JobInfo, JobSpec } from './resources/job-info.js';
import { asArray, asObject, parseJson } from './resources/json.js';
import { parseLimits } from './resources/limits.js';
import type { OrgLimits } from './resources/limits.js';
import { dataPath, describePath, jobPath, jobsPath, queryPath } from './resources/paths.js';
import { listIngestJobs } from './list-jobs.js';
import { resultStream } from './http/result-stream.js';
import type { AccessToken, TokenSource } from './auth/token-source.js';
import { Transport } from './http/transport.js';
import type { Timeouts } from './http/timeouts.js';
import type { Call, ReplyHead } from './http/call.js';
import { UploadBody } from './http/upload-body.js';
import type { OpenBody } from './http/upload-body.js';
import type { ResultKind } from '../domain/platform/result-kind.js';
import { defined } from '../domain/defined.js';

export interface ResultDownload {
  /**
   * The file as the platform sends it; empty when the platform reports no content. Fails with a retryable
   * SalesforceError when the connection breaks, except for a reply that has neither a length nor chunks: its end looks
   * the same as a break, so count the rows.
   */
  stream: Readable;
  /** Bytes, if the platform reports it. */
  contentLength?: number;
}

export interface SalesforceConnectionOptions {
  tokens: TokenSource;
  /** `66`, `66.0` or `v66.0`. @default the highest that the org offers, at most the newest tested one */
  apiVersion?: string;
  timeouts?: Partial<Timeouts>;
}

/** A read of something that loads do not need. */
export interface OtherRead<T> {
  kind: 'describe' | 'query' | 'setup';
  /** Built from checked pieces. */
  path: string;
  /** @returns undefined for a reply of another shape */
  parse: (value: unknown) => T | undefined;
  /** Bytes of the reply. @default MAX_REPLY */
  limit?: number;
}

/** Pauses before an org is considered to have no list of versions. */
const VERSION_PAUSES_MS = [500, 1_500];

const HARD_DELETE = 'PermissionsBulkApiHardDelete';
const JSON_TYPE = 'application/json';

/**
 * Maximum bytes of a describe, the only large reply: 900 fields of 1 KB each, and picklists of up to 1,000 values of
 * about 90 bytes. In a large org, Account has 1 to 6 MB.
 */
export const MAX_DESCRIBE = 16_000_000;

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

  /** Waits for running requests, then closes all connections. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Closes all connections; running requests fail. */
  async destroy(): Promise<void> {
    await this.#transport.destroy();
  }

  /** The API version for a load. Makes a request only if the settings name none. */
  async resolveApiVersion(context: CallContext = {}): Promise<string> {
    if (this.#apiVersion !== undefined) return this.#apiVersion;
    for (let again = 0; ; again++) {
      try {
        return chooseVersion(await this.versions(context));
      } catch (error) {
        if (!(error instanceof SalesforceError) || error.httpStatus !== 404) throw error;
        // The server has only versioned paths, unless this was a one-time error.
        const pause = VERSION_PAUSES_MS[again];
        if (pause === undefined) return chooseVersion([]);
        await sleep(pause, undefined, defined({ signal: context.signal })).catch(() => undefined);
        context.signal?.throwIfAborted();
      }
    }
  }

  /** The token for a call: logs in if necessary. */
  async token({ signal }: CallContext = {}): Promise<Pick<AccessToken, 'instanceUrl'>> {
    const { instanceUrl } = await this.#transport.token(signal);
    return { instanceUrl };
  }

  /** Identifies the org, the same for all connections to it. Makes no request, except perhaps one for a token. */
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
   * Sends a job's data. Call it once per job: a second upload makes the job unusable, so after any error, retryable or
   * not, abort the job and create another one.
   *
   * @param contentLength bytes; a body of another length fails with `SOURCE_CHANGED`, and nothing is stored
   * @param openBody called when the body is about to be sent: not when the org is unreachable. Its errors, and those of
   *   its stream, are passed on unchanged.
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
    // The platform never replies with 200 here, so the data goes into another job.
    const stored = reply.status === 201 && !isHtml(reply) && !reply.facts.incomplete;
    if (!stored) throw unexpected(reply.facts, reply.status, '', isHtml(reply) ? 'an HTML page' : 'another status');
  }

  /** Closes the job so that the platform processes it. The reply has no counters. */
  async closeJob(jobId: string, context: ApiContext): Promise<JobInfo> {
    return this.#setState('close', jobId, 'UploadComplete', context);
  }

  /** Running batches are still finished. The reply has no counters. */
  async abortJob(jobId: string, context: ApiContext): Promise<JobInfo> {
    return this.#setState('abort', jobId, 'Aborted', context);
  }

  async getJob(jobId: string, context: ApiContext): Promise<JobInfo> {
    return this.#json({ kind: 'info', method: 'GET', path: jobPath(context.apiVersion, jobId) }, context, parseJobInfo);
  }

  /**
   * Bulk API 2.0 ingest jobs of the org, of all users, in no particular order; without counters. The unfiltered list is
   * long, because it includes jobs of the older Bulk API.
   */
  async *listJobs(context: ApiContext): AsyncGenerator<JobInfo> {
    yield* listIngestJobs(context, (path, parse) => this.#json({ kind: 'list', method: 'GET', path }, context, parse));
  }

  /** Starts the download of a result file. Read the stream to its end or destroy it. */
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
        progressTimeout: this.#transport.progressTimeout,
        explain: (error) =>
          context.signal?.aborted ? context.signal.reason : broken(reply.facts, error, reply.status),
      }),
      ...defined({ contentLength: reply.length }),
    };
  }

  async describe(object: string, context: ApiContext): Promise<ObjectDescribe> {
    const path = describePath(context.apiVersion, object);
    return this.#json({ kind: 'describe', method: 'GET', path }, context, parseDescribe, MAX_DESCRIBE);
  }

  /** A reply that another module parses. */
  async read<T>({ kind, path, parse, limit }: OtherRead<T>, context: CallContext): Promise<T> {
    return this.#json({ kind, method: 'GET', path }, context, parse, limit);
  }

  async limits(context: ApiContext): Promise<OrgLimits> {
    const path = `${dataPath(context.apiVersion)}/limits`;
    return this.#json({ kind: 'limits', method: 'GET', path }, context, parseLimits);
  }

  /**
   * Whether the user has the permission "Bulk API Hard Delete".
   * @returns undefined if the org does not report it
   */
  async mayHardDelete(context: ApiContext): Promise<boolean | undefined> {
    const may = (await this.readFields('UserPermissionAccess', [HARD_DELETE], undefined, context))?.[HARD_DELETE];
    return typeof may === 'boolean' ? may : undefined;
  }

  /** Ids of the org and the user of the token. `undefined` if the org does not report them. */
  async identity(context: ApiContext): Promise<Identity | undefined> {
    const path = `${dataPath(context.apiVersion)}/`;
    const read = (value: unknown): { who: Identity | undefined } => ({ who: parseIdentity(value) });
    return (await this.#json({ kind: 'versions', method: 'GET', path }, context, read)).who;
  }

  /**
   * Fields of one record.
   * @param id the record's id; without it, the first record that the user sees
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

/** A name that is safe in a query. */
function checkedName(name: string): string {
  if (/^\w{1,80}$/.test(name)) return name;
  throw new RangeError('an API name may contain only letters, digits and _');
}

function jsonBody(value: Record<string, string>): Pick<Call, 'body'> {
  return { body: () => ({ type: JSON_TYPE, content: JSON.stringify(value) }) };
}

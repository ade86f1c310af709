/** Reads an org, one request at a time: counts the requests, repeats what may succeed later, and never writes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../domain/defined.js';
import type { SalesforceConnection } from '../salesforce/bulk-client.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import type { ApiContext, CallContext } from '../salesforce/http/call-context.js';

/** Before a request is repeated. A capture that fails can be continued, so there are few. */
const PAUSES_MS: readonly number[] = [500, 2_000, 5_000];
/** The longest wait that the org can ask for. */
const MAX_PAUSE_MS = 30_000;
/** Repeating these uses up what other programs need. */
const USED_UP = ['REQUEST_LIMIT_EXCEEDED', 'EXCEEDED_QUOTA'];

export interface OrgReaderOptions {
  signal?: AbortSignal;
  pausesMs?: readonly number[];
}

/** An answer, or why there is none. */
export type Answer<T> = { value: T } | { missing: string };

export class OrgReader {
  readonly connection: SalesforceConnection;
  readonly #call: CallContext;
  readonly #pausesMs: readonly number[];
  #apiVersion: string | undefined;
  /** Requests so far. */
  requests = 0;

  constructor(connection: SalesforceConnection, { signal, pausesMs = PAUSES_MS }: OrgReaderOptions = {}) {
    this.connection = connection;
    this.#pausesMs = pausesMs;
    this.#call = { onRequest: () => void this.requests++, ...defined({ signal }) };
  }

  /** For calls that need no version. */
  get call(): CallContext {
    return this.#call;
  }

  async context(): Promise<ApiContext> {
    this.#apiVersion ??= await this.read((context) => this.connection.resolveApiVersion(context), this.#call);
    return { ...this.#call, apiVersion: this.#apiVersion };
  }

  /** @throws SalesforceError when it fails again and again, or for good */
  async read<T, C extends CallContext>(read: (context: C) => Promise<T>, context: C): Promise<T> {
    for (let again = 0; ; again++) {
      try {
        return await read(context);
      } catch (error) {
        const pause = this.#pausesMs[again];
        if (!(error instanceof SalesforceError) || !error.retryable || pause === undefined) throw error;
        if (USED_UP.includes(error.code)) throw error;
        await sleep(
          Math.min(error.retryAfterMs ?? pause, MAX_PAUSE_MS),
          undefined,
          defined({ signal: context.signal }),
        );
      }
    }
  }

  /** A part that the user may not read, or that this org does not have, is an answer too. */
  async readIfPossible<T>(read: (context: ApiContext) => Promise<T>): Promise<Answer<T>> {
    const context = await this.context();
    try {
      return { value: await this.read(read, context) };
    } catch (error) {
      if (!(error instanceof SalesforceError)) throw error;
      const { httpStatus = 0, retryable, code } = error;
      const isRefused = !retryable && [400, 403, 404].includes(httpStatus);
      const isUnreadable = ['SALESFORCE_UNEXPECTED_REPLY', 'SALESFORCE_REPLY_TOO_LARGE'].includes(code);
      if (!isRefused && !isUnreadable) throw error;
      return { missing: reasonOf(error) };
    }
  }
}

function reasonOf({ code, httpStatus, errorCode }: SalesforceError): string {
  if (code === 'SALESFORCE_UNEXPECTED_REPLY') return 'the reply has another form than the API describes';
  if (code === 'SALESFORCE_REPLY_TOO_LARGE') return 'the reply is larger than the API sends';
  return `the user may not read it, or the org does not have it (HTTP ${httpStatus} ${errorCode ?? code})`;
}

/** Small HTTP servers that act as an org, and connections to them. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import type { SalesforceError } from '../../src/salesforce/errors/salesforce-error.js';
import { SalesforceConnection } from '../../src/salesforce/bulk-client.js';
import type { ApiContext, LimitInfo, RequestKind } from '../../src/salesforce/http/call-context.js';
import type { AccessToken, TokenSource } from '../../src/salesforce/auth/token-source.js';
import type { Timeouts } from '../../src/salesforce/http/timeouts.js';

export const TOKEN = '00D000000000001AAA!first.token';
export const JOB = '750000000000001AAA';

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
}

export interface Org {
  url: string;
  received: Received[];
}

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server on loopback for the duration of the test. */
export async function startOrg(handler: Handler): Promise<Org> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    void (async () => handler(request, response))().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** Numbered tokens: `…first.token`, then `…token2`, …; counts renewals. */
export class CountingTokens implements TokenSource {
  renewals = 0;
  readonly #instanceUrl: string;
  readonly #delay: number;
  #token = TOKEN;

  constructor(instanceUrl: string, delay = 20) {
    this.#instanceUrl = instanceUrl;
    this.#delay = delay;
  }

  current(): Promise<AccessToken> {
    return Promise.resolve({ accessToken: this.#token, instanceUrl: this.#instanceUrl });
  }

  async renew(_stale: string): Promise<AccessToken> {
    this.renewals += 1;
    await new Promise((resolve) => setTimeout(resolve, this.#delay));
    this.#token = `00D000000000001AAA!token${this.renewals + 1}`;
    return this.current();
  }
}

export function connectTo(
  org: { url: string },
  options: { tokens?: TokenSource; apiVersion?: string; timeouts?: Partial<Timeouts> } = {},
): SalesforceConnection {
  const connection = new SalesforceConnection({ tokens: new CountingTokens(org.url), ...options });
  cleanups.push(() => connection.close());
  return connection;
}

export interface Watch extends ApiContext {
  kinds: RequestKind[];
  limits: LimitInfo[];
}

/** A call context that records its callbacks. */
export function watch(signal?: AbortSignal): Watch {
  const kinds: RequestKind[] = [];
  const limits: LimitInfo[] = [];
  return {
    apiVersion: 'v66.0',
    kinds,
    limits,
    onRequest: (kind) => kinds.push(kind),
    onLimitInfo: (info) => limits.push(info),
    ...(signal && { signal }),
  };
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers })
    .end(JSON.stringify(body));
}

export function refusal(response: ServerResponse, status: number, errorCode: string, message: string): void {
  json(response, status, [{ errorCode, message }]);
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** The error of a promise that must reject. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('This should have failed, but it succeeded.');
}

/** A SalesforceError as plain data. */
export async function failure(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await errorOf(promise);
  if (!(error instanceof Error) || error.name !== 'SalesforceError') throw error;
  return { ...error, message: error.message, detail: (error as SalesforceError).detail };
}

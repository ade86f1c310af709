/** Sends the AWS SDK's requests with undici, so that all calls of a worker use one rule for proxies and timeouts. */
import type { Readable } from 'node:stream';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { request } from 'undici';
import { NightloadError } from '../../errors.js';
import { OutboundAgent } from '../../runtime/outbound-agent.js';
import { isLoopback } from '../../runtime/proxy.js';

const CONNECT_MS = 10_000;
/** Without a byte of a reply. A reply that waits for its reader does not count. */
const SILENT_MS = 60_000;
/** A read is repeated without harm, and the first steps of a load have a minute for three attempts. */
const READ_ANSWER_MS = 15_000;
const READS: readonly string[] = ['GET', 'HEAD'];

/** Like an object of `RequestHandler` in the SDK, with the fields that a request and a reply have. */
interface SdkRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  method: string;
  headers: Record<string, string>;
  query?: Record<string, string | string[] | null>;
  body?: string | Uint8Array | Readable;
}

interface SdkReply {
  statusCode: number;
  reason: string;
  headers: Record<string, string>;
  body: Readable;
}

function insecure(): NightloadError {
  return new NightloadError(
    'INSECURE_URL',
    'The address of the S3 store (AWS_ENDPOINT_URL_S3, or endpoint_url in a profile) is plain http, which would send rows in cleartext. ' +
      'Use https; http is accepted only for localhost, 127.0.0.0/8 and [::1].',
    { retryable: true },
  );
}

class UndiciHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #agent = new OutboundAgent({
    connectTimeout: CONNECT_MS,
    headersTimeout: SILENT_MS,
    bodyTimeout: SILENT_MS,
  });

  async handle(
    { protocol, hostname, port, path, method, headers, query, body }: SdkRequest,
    { abortSignal }: { abortSignal?: AbortSignal } = {},
  ): Promise<{ response: SdkReply }> {
    if (protocol !== 'https:' && !isLoopback(hostname)) throw insecure();
    const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
    try {
      const reply = await request(`${origin}${path}${queryText(query)}`, {
        method: method as 'GET',
        headers,
        ...(READS.includes(method) && { headersTimeout: READ_ANSWER_MS }),
        ...(body !== undefined && { body }),
        ...(abortSignal && { signal: abortSignal }),
        dispatcher: this.#agent,
      });
      // The SDK reads small replies itself, and asks again if one breaks off.
      reply.body.once('error', transient);
      return {
        response: {
          statusCode: reply.statusCode,
          reason: '',
          headers: Object.fromEntries(Object.entries(reply.headers).map(([name, value]) => [name, String(value)])),
          body: reply.body,
        },
      };
    } catch (error) {
      throw abortSignal?.aborted === true ? error : transient(error);
    }
  }

  updateHttpClientConfig(): void {
    // It has no settings of the SDK's.
  }

  httpHandlerConfigs(): object {
    return {};
  }

  destroy(): void {
    void this.#agent.destroy();
  }
}

/** The SDK repeats a request after an error of this name. */
function transient(error: unknown): unknown {
  if (error instanceof Error) Object.defineProperty(error, 'name', { value: 'TimeoutError' });
  return error;
}

function queryText(query: SdkRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) =>
      one === null || one === '' ? `${escaped(key)}=` : `${escaped(key)}=${escaped(one)}`,
    ),
  );
  return pairs.length === 0 ? '' : `?${pairs.sort().join('&')}`;
}

/** As in signatures of requests. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function requestHandler(): NonNullable<S3ClientConfig['requestHandler']> {
  return new UndiciHandler() as unknown as NonNullable<S3ClientConfig['requestHandler']>;
}

/** Requests and replies in the platform's format. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** Text and bytes are sent with their length, a stream without. */
  body?: string | Buffer | AsyncIterable<Buffer>;
}

/** An error reply: a list of objects, as the platform sends it. */
export class Refusal extends Error {
  readonly status: number;
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

export const notFound = (): Refusal => new Refusal(404, 'NOT_FOUND', 'The requested resource does not exist');

export function jsonReply(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json;charset=UTF-8', ...headers },
    // The platform writes the version with its decimal, which a JavaScript number loses.
    body: JSON.stringify(body).replaceAll(/"apiVersion":(\d+)(?=[,}])/g, '"apiVersion":$1.0'),
  };
}

export function refusalReply({ status, errorCode, message }: Refusal): Reply {
  return jsonReply(status, [{ message, errorCode }], status === 401 ? { 'www-authenticate': 'Token' } : {});
}

export async function sendReply(
  response: ServerResponse,
  { status, headers, body }: Reply,
  gzip = false,
): Promise<void> {
  const packed = gzip && body !== undefined;
  if (packed) response.setHeader('content-encoding', 'gzip');
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    const bytes = packed ? gzipSync(body) : body;
    response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(bytes)) }).end(bytes);
  } else if (body === undefined) {
    response.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': '0' }) }).end();
  } else {
    response.writeHead(status, headers);
    if (packed) await pipeline(Readable.from(body), createGzip(), response);
    else await pipeline(Readable.from(body), response);
  }
}

/** @throws Refusal 413 for a longer body, whose rest is discarded */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not `for await`, which would end the connection when the loop ends, before the reply.
  await new Promise<void>((done, fail) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) return void chunks.push(chunk);
      chunks.length = 0;
      fail(new Refusal(413, 'REQUEST_TOO_LARGE', `A body of this kind may have at most ${maxBytes} bytes`));
    });
    request.once('end', done).once('error', fail);
    request.once('close', () => fail(new Error('the connection ended within a body')));
  });
  return Buffer.concat(chunks);
}

export function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Refused below, like any other text that is not an object.
  }
  throw new Refusal(400, 'JSON_PARSER_ERROR', 'Unexpected content: a JSON object is expected');
}

/** A request target without double and trailing slashes, and its query. */
export function readTarget(target: string): { path: string; query: URLSearchParams } {
  const [path = '', ...query] = target.split('?');
  const folded = path.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
  return { path: folded, query: new URLSearchParams(query.join('?')) };
}

/** `2026-11-23T20:15:27.000+0000` */
export function dateTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}.000+0000`;
}

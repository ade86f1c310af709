/**
 * Decrypts payloads for the Temporal UI and the `temporal` command over HTTP (Temporal's codec server protocol: POST
 * /decode and /encode). Its clients can read everything, so it serves only one web page, listens on this machine by
 * default, and never logs payloads.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload } from '@temporalio/common';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { isLoopback } from '../runtime/proxy.js';
import { EncryptionCodec } from './encryption-codec.js';
import type { CodecKeys } from './codec-keys.js';

export interface CodecServerOptions {
  keys: CodecKeys;
  /** @default any free port */
  port?: number;
  /** Address to listen on. @default '127.0.0.1' */
  host?: string;
  /** Origin of the Temporal UI: the only web page that may send requests. */
  allowOrigin: string;
  /** Additional names of this server, each with its port unless that is the default one. */
  names?: readonly string[];
  /** Required in requests: `Authorization: Bearer …`. */
  token?: string;
  /** Listens beyond this machine without a token: a proxy in front checks the caller. @default false */
  withoutToken?: boolean;
  /** Also encrypts, for workflows that are started in the UI. @default false */
  encode?: boolean;
}

export interface CodecServer {
  url: string;
  close(): Promise<void>;
}

/** A page of a history has at most 4 MB of payloads, in base64. */
const MAX_BODY_BYTES = 8_000_000;
const MAX_PAYLOADS = 2_000;
const MIN_TOKEN = 16;
/** Limit for a body that arrives slowly. */
const REQUEST_LIMIT_MS = 30_000;
const MAX_CONNECTIONS = 100;
const HANG_UP_MS = 200;

const BASE64 = z.string().regex(/^[A-Za-z0-9+/_-]*={0,2}$/);
const PAYLOADS = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), BASE64).optional(), data: BASE64.nullish() }))
    .max(MAX_PAYLOADS)
    .optional(),
});

/** A refusal with a text that repeats nothing of the request. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** @throws NightloadError `USAGE`, `PORT_IN_USE` */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { host = '127.0.0.1', port = 0, token, withoutToken = false } = options;
  const allowOrigin = originOf(options.allowOrigin);
  if (token !== undefined && token.length < MIN_TOKEN) {
    throw usage(`The access token has ${token.length} characters; the minimum is ${MIN_TOKEN}.`);
  }
  if (!isLoopback(bracketed(host)) && token === undefined && !withoutToken) {
    throw usage(
      `${host} can be reached from other machines, and every client that reaches it can read every payload. Set NIGHTLOAD_CODEC_SERVER_TOKEN, ` +
        'or, when a proxy authenticates requests, use --without-token.',
    );
  }
  const server = createServer({
    requestTimeout: REQUEST_LIMIT_MS,
    headersTimeout: REQUEST_LIMIT_MS / 2,
    // By default, Node checks only every 30 s, so a request could last twice as long.
    connectionsCheckingInterval: REQUEST_LIMIT_MS / 10,
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, host, port);
  const bound = (server.address() as AddressInfo).port;
  const desk = new Desk({ ...options, allowOrigin }, hostNames(host, bound, options.names ?? []));
  server.on('request', (request, reply) => void desk.answer(request, reply));
  return {
    url: `http://${bracketed(host)}:${bound}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

class Desk {
  readonly #options: CodecServerOptions;
  readonly #hosts: ReadonlySet<string>;
  readonly #codec: EncryptionCodec;

  constructor(options: CodecServerOptions, hosts: ReadonlySet<string>) {
    this.#options = options;
    this.#hosts = hosts;
    this.#codec = new EncryptionCodec({ ...options.keys, plaintext: 'read' });
  }

  async answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    reply.setHeader('Cache-Control', 'no-store');
    reply.setHeader('X-Content-Type-Options', 'nosniff');
    try {
      this.#checkHost(request);
      this.#checkOrigin(request, reply);
      if (request.method === 'OPTIONS') return preflight(request, reply);
      const convert = this.#converter(request);
      this.#checkToken(request);
      const payloads = parsePayloads(await bodyOf(request));
      send(reply, 200, { payloads: payloads.map((payload) => toJson(convert(payload))) });
    } catch (error) {
      const { status, message } = error instanceof Refusal ? error : { status: 500, message: 'Internal error.' };
      if (!request.complete) hangUpAfter(request, reply);
      send(reply, status, { message });
    }
  }

  /** A page of another site may make its own name point to this machine's address. */
  #checkHost({ headers: { host = '' } }: IncomingMessage): void {
    if (!this.#hosts.has(host.toLowerCase())) throw new Refusal(421, 'This server has another host name. See --name.');
  }

  #checkOrigin({ headers: { origin } }: IncomingMessage, reply: ServerResponse): void {
    reply.setHeader('Vary', 'Origin');
    // Commands send none; a browser always sends it where it matters.
    if (origin === undefined) return;
    if (origin !== this.#options.allowOrigin)
      throw new Refusal(403, 'This origin is not permitted. See --allow-origin.');
    reply.setHeader('Access-Control-Allow-Origin', origin);
    reply.setHeader('Access-Control-Allow-Credentials', 'true');
  }

  #converter({ method, url = '', headers }: IncomingMessage): (payload: Payload) => Payload {
    const path = url.split('?')[0] ?? '';
    // The namespace may precede it, as in the endpoint of Temporal's own commands.
    const [, action] = /^(?:\/\w[\w.-]{0,254})?\/(decode|encode)$/.exec(path) ?? [];
    if (action === undefined || (action === 'encode' && this.#options.encode !== true)) {
      throw new Refusal(
        404,
        action === undefined ? 'Not found. Use POST /decode.' : 'Encoding is disabled. See --encode.',
      );
    }
    if (method !== 'POST') throw new Refusal(405, 'Use POST.');
    // A form of another site cannot send this type without a preflight request.
    if (!/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? ''))
      throw new Refusal(415, 'Use application/json.');
    if (action === 'encode') return (payload) => this.#codec.encrypt(payload);
    return (payload) => {
      try {
        return this.#codec.decrypt(payload);
      } catch {
        // An unreadable payload is returned unchanged; the others are decrypted all the same.
        return payload;
      }
    };
  }

  #checkToken({ headers: { authorization = '' } }: IncomingMessage): void {
    const { token } = this.#options;
    if (token === undefined) return;
    const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
    if (!timingSafeEqual(hash(authorization), hash(`Bearer ${token}`)))
      throw new Refusal(401, 'The access token is missing or wrong.');
  }
}

/** The rest of a refused body is not read; the reply gets a moment to arrive. */
function hangUpAfter(request: IncomingMessage, reply: ServerResponse): void {
  reply.setHeader('Connection', 'close');
  request.pause();
  reply.once('finish', () => {
    setTimeout(() => request.socket.destroy(), HANG_UP_MS).unref();
  });
}

/** The UI asks which headers it may send: its namespace, and a token if it has one. */
function preflight({ headers }: IncomingMessage, reply: ServerResponse): void {
  if (headers.origin === undefined) throw new Refusal(400, 'The Origin header is missing.');
  reply.setHeader('Access-Control-Allow-Methods', 'POST, OPTIONS');
  reply.setHeader('Access-Control-Allow-Headers', 'Content-Type, X-Namespace, Authorization, Caller-Type');
  reply.setHeader('Access-Control-Max-Age', '600');
  if (headers['access-control-request-private-network'] === 'true') {
    reply.setHeader('Access-Control-Allow-Private-Network', 'true');
  }
  reply.writeHead(204).end();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, 'The request was aborted.');
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooLarge = (): Refusal => new Refusal(413, `More than ${MAX_BODY_BYTES / 1_000_000} MB.`);

function parsePayloads(text: string): Payload[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'The body is not valid JSON.');
  }
  const parsed = PAYLOADS.safeParse(value);
  if (!parsed.success)
    throw new Refusal(
      400,
      'The body is not {"payloads": [{"metadata": {…}, "data": "…"}]} with base64, or has too many payloads.',
    );
  return (parsed.data.payloads ?? []).map(({ metadata = {}, data }) => ({
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, fromBase64(text)])),
    ...(data != null && { data: fromBase64(data) }),
  }));
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function toJson({ metadata, data }: Payload): unknown {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, bytes]) => [key, base64(bytes)])),
    ...(data != null && { data: base64(data) }),
  };
}

function send(reply: ServerResponse, status: number, value: unknown): void {
  reply.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(port, host, done);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw usage(`The codec server cannot listen on ${host}, port ${port} (${code}).`);
    throw new NightloadError('PORT_IN_USE', `Port ${port} is in use by another program. Use another one with --port.`, {
      cause: error,
    });
  }
}

/** Allowed values of a `Host` header. */
function hostNames(host: string, port: number, names: readonly string[]): ReadonlySet<string> {
  const local = isLoopback(bracketed(host)) ? ['127.0.0.1', 'localhost', '[::1]'] : [];
  return new Set(
    [...[...local, bracketed(host)].map((name) => `${name}:${port}`), ...names].map((name) => name.toLowerCase()),
  );
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** As a browser writes it: no path, no default port. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || !['', '/'].includes(url.pathname) || url.search !== '') {
    throw usage('--allow-origin needs the origin of the Temporal UI, such as http://127.0.0.1:8233: no path, no "*".');
  }
  return url.origin;
}

function usage(message: string): NightloadError {
  return new NightloadError('USAGE', message);
}

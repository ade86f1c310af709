/**
 * Decrypts payloads for the Temporal UI and the `temporal` command, which ask for it over HTTP (Temporal's codec server
 * protocol: POST /decode and /encode). Whoever may ask it reads everything, so it answers one web page only, on this
 * machine unless it is told otherwise, and never logs what passes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload } from '@temporalio/common';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { isLoopback } from '../proxy.js';
import { EncryptionCodec } from './encryption-codec.js';
import type { CodecKeys } from './codec-keys.js';

export interface CodecServerOptions {
  keys: CodecKeys;
  /** @default any that is free */
  port?: number;
  /** Address to listen on. @default '127.0.0.1' */
  host?: string;
  /** Origin of the Temporal UI: the only web page that may ask. */
  allowOrigin: string;
  /** Further names under which this server is reached, each with its port when that is not the usual one. */
  names?: readonly string[];
  /** Who asks must send it: `Authorization: Bearer …`. */
  token?: string;
  /** Listens beyond this machine without a token: something before it checks who asks. @default false */
  withoutToken?: boolean;
  /** Encrypts too, for workflows that are started in the UI. @default false */
  encode?: boolean;
}

export interface CodecServer {
  url: string;
  close(): Promise<void>;
}

/** A page of a history has payloads of 4 MB at most, in base64. */
const MAX_BODY_BYTES = 8_000_000;
const MAX_PAYLOADS = 2_000;
const MIN_TOKEN = 16;
/** A body that drips in holds nothing up for longer. */
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

/** An answer that says why not, in words that repeat nothing of the request. */
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
    throw usage(`The access token has ${token.length} characters; it needs ${MIN_TOKEN} or more.`);
  }
  if (!isLoopback(bracketed(host)) && token === undefined && !withoutToken) {
    throw usage(
      `${host} can be reached from other machines, and whoever reaches it reads every payload. Set NIGHTLOAD_CODEC_SERVER_TOKEN, ` +
        'or, when something before it checks who asks, use --without-token.',
    );
  }
  const server = createServer({ requestTimeout: REQUEST_LIMIT_MS, headersTimeout: REQUEST_LIMIT_MS / 2 });
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
      const { status, message } = error instanceof Refusal ? error : { status: 500, message: 'It did not work.' };
      if (!request.complete) hangUpAfter(request, reply);
      send(reply, status, { message });
    }
  }

  /** A page of another site may give its own name this machine's address. */
  #checkHost({ headers: { host = '' } }: IncomingMessage): void {
    if (!this.#hosts.has(host.toLowerCase())) throw new Refusal(421, 'This server has another name. See --name.');
  }

  #checkOrigin({ headers: { origin } }: IncomingMessage, reply: ServerResponse): void {
    reply.setHeader('Vary', 'Origin');
    // A command has none; a browser always says it where it matters.
    if (origin === undefined) return;
    if (origin !== this.#options.allowOrigin) throw new Refusal(403, 'Not for this page. See --allow-origin.');
    reply.setHeader('Access-Control-Allow-Origin', origin);
    reply.setHeader('Access-Control-Allow-Credentials', 'true');
  }

  #converter({ method, url = '', headers }: IncomingMessage): (payload: Payload) => Payload {
    const path = url.split('?')[0] ?? '';
    // The namespace may stand before it, as in the endpoint of Temporal's own commands.
    const [, action] = /^(?:\/\w[\w.-]{0,254})?\/(decode|encode)$/.exec(path) ?? [];
    if (action === undefined || (action === 'encode' && this.#options.encode !== true)) {
      throw new Refusal(404, action === undefined ? 'There is POST /decode.' : 'Encoding is off. See --encode.');
    }
    if (method !== 'POST') throw new Refusal(405, 'Only POST.');
    // A form of another site cannot send this type without asking first.
    if (!/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? ''))
      throw new Refusal(415, 'Only application/json.');
    if (action === 'encode') return (payload) => this.#codec.encrypt(payload);
    return (payload) => {
      try {
        return this.#codec.decrypt(payload);
      } catch {
        // One that cannot be read is shown as it is; the others are read all the same.
        return payload;
      }
    };
  }

  #checkToken({ headers: { authorization = '' } }: IncomingMessage): void {
    const { token } = this.#options;
    if (token === undefined) return;
    const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
    if (!timingSafeEqual(hash(authorization), hash(`Bearer ${token}`)))
      throw new Refusal(401, 'The access token is missing or another one.');
  }
}

/** The rest of a body that is refused is not read; the answer has a moment to arrive. */
function hangUpAfter(request: IncomingMessage, reply: ServerResponse): void {
  reply.setHeader('Connection', 'close');
  request.pause();
  reply.once('finish', () => {
    setTimeout(() => request.socket.destroy(), HANG_UP_MS).unref();
  });
}

/** The UI asks what it may send: its namespace, and a token where it has one. */
function preflight({ headers }: IncomingMessage, reply: ServerResponse): void {
  if (headers.origin === undefined) throw new Refusal(400, 'Without an origin there is nothing to ask.');
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
    throw error instanceof Refusal ? error : new Refusal(400, 'The request was cut off.');
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooLarge = (): Refusal => new Refusal(413, `More than ${MAX_BODY_BYTES / 1_000_000} MB.`);

function parsePayloads(text: string): Payload[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'It is no JSON.');
  }
  const parsed = PAYLOADS.safeParse(value);
  if (!parsed.success)
    throw new Refusal(400, 'It is not {"payloads": [{"metadata": {…}, "data": "…"}]} with base64, or too many.');
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
    throw new NightloadError('PORT_IN_USE', `Port ${port} is taken by another program. Take another one with --port.`, {
      cause: error,
    });
  }
}

/** Names that a `Host` header may have. */
function hostNames(host: string, port: number, names: readonly string[]): ReadonlySet<string> {
  const local = isLoopback(bracketed(host)) ? ['127.0.0.1', 'localhost', '[::1]'] : [];
  return new Set(
    [...[...local, bracketed(host)].map((name) => `${name}:${port}`), ...names].map((name) => name.toLowerCase()),
  );
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** As a browser writes it: no path, no usual port. */
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

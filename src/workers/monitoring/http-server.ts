/**
 * A small HTTP server for probes and scrapers: GET of a few paths, plain text, no state. It shows no secrets, and
 * limits what a client can make it do.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NightloadError } from '../../errors.js';
import { isLoopback } from '../../runtime/proxy.js';
import { shownAddress } from './metrics-address.js';
import type { MetricsAddress } from './metrics-address.js';

export interface Page {
  status: number;
  /** @default plain text */
  type?: string;
  text: string;
}

export interface PageServer {
  /** With the actual port. */
  address: MetricsAddress;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 50;
const MAX_HEADER_BYTES = 8_192;
const REQUEST_LIMIT_MS = 10_000;
const PLAIN = 'text/plain; charset=utf-8';

/**
 * @param pages by path
 * @throws NightloadError `METRICS_ADDRESS_UNAVAILABLE`
 */
export async function servePages(
  address: MetricsAddress,
  pages: Readonly<Record<string, () => Promise<Page>>>,
): Promise<PageServer> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: REQUEST_LIMIT_MS / 2,
    requestTimeout: REQUEST_LIMIT_MS,
    connectionsCheckingInterval: REQUEST_LIMIT_MS / 10,
  });
  server.maxConnections = MAX_CONNECTIONS;
  // A page in a browser of this machine can reach a loopback port under a name of its own.
  const localOnly = isLoopback(address.host === '::1' ? '[::1]' : address.host);
  server.on('request', (request, reply) => {
    request.resume();
    void answer(request, pages, localOnly).then((page) => send(reply, page));
  });
  await listen(server, address);
  return {
    address: { host: address.host, port: (server.address() as AddressInfo).port },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { method, url = '', headers }: IncomingMessage,
  pages: Readonly<Record<string, () => Promise<Page>>>,
  localOnly: boolean,
): Promise<Page> {
  if (localOnly && !isLoopback(hostName(headers.host))) return { status: 403, text: 'Use a loopback name.\n' };
  if (method !== 'GET') return { status: 405, text: 'Only GET.\n' };
  const [path = ''] = url.split('?', 1);
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return { status: 404, text: `Paths: ${Object.keys(pages).join(', ')}\n` };
  try {
    return await page();
  } catch {
    return { status: 503, text: 'Not available at the moment.\n' };
  }
}

function hostName(host: string | undefined): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}

function send(reply: ServerResponse, { status, type = PLAIN, text }: Page): void {
  reply.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 405 && { Allow: 'GET' }),
  });
  reply.end(text);
}

async function listen(server: Server, address: MetricsAddress): Promise<void> {
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(address.port, address.host, done);
    });
  } catch (error) {
    const code = (error as { code?: string }).code ?? 'unknown';
    const why = code === 'EADDRINUSE' ? 'another program uses this port' : `this machine refuses the address (${code})`;
    throw new NightloadError(
      'METRICS_ADDRESS_UNAVAILABLE',
      `Cannot serve metrics on ${shownAddress(address)}: ${why}. Set NIGHTLOAD_METRICS_ADDRESS to another host:port.`,
      { cause: error },
    );
  }
}

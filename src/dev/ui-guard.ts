/**
 * A proxy that protects a dev server's Temporal UI. The UI starts and ends workflows for any caller, under any host
 * name: a page whose name an attacker points to this machine could load into an org. So the public port is ours, and
 * forwards only requests that use a loopback name and come from no other site.
 */
import { randomInt } from 'node:crypto';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Address of the UI itself: on Linux all of 127/8 is this machine, and no page can guess one of 16 million addresses.
 */
export function hiddenAddress(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
}

export interface UiAddress {
  host: string;
  port: number;
}

/** Listens on loopback. @throws Error if the port is in use */
export async function guardUi(port: number, ui: UiAddress): Promise<Server> {
  const server = createServer((request, response) => {
    if (isWelcome(request.method ?? 'GET', request.headers, port)) return passOn(request, response, ui);
    request.resume();
    response.writeHead(403, { 'content-type': 'text/plain' });
    response.end('The UI of this dev server answers only its own pages, under a loopback address.\n');
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  return server;
}

/** Exported for tests. */
function isWelcome(method: string, headers: IncomingHttpHeaders, port: number): boolean {
  const names = LOOPBACK_NAMES.map((name) => `${name}:${port}`);
  if (!names.includes(headers.host?.toLowerCase() ?? '')) return false;
  const { origin } = headers;
  if (origin !== undefined && !names.some((name) => origin.toLowerCase() === `http://${name}`)) return false;
  const site = headers['sec-fetch-site'] ?? 'none';
  // A link from elsewhere, for example in a chat, may open the page for a person, but no other request may use it.
  const isLink =
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return site === 'none' || site === 'same-origin' || isLink;
}

function passOn(request: IncomingMessage, response: ServerResponse, { host, port }: UiAddress): void {
  const { method, url, headers } = request;
  const onward = httpRequest({ host, port, method, path: url, headers }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.on('error', () => response.destroy()).pipe(response);
  });
  onward.on('error', () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  response.on('close', () => onward.destroy());
  request.on('error', () => onward.destroy()).pipe(onward);
}

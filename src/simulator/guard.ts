/**
 * Who may speak to the simulated org: programs of this machine. A page in a browser may not, under whatever name it
 * reached this port: a name that an attacker lets point to 127.0.0.1 shows in `Host`, a page of another site in `Origin`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Refusal } from './http.js';

/** The names of this machine that no resolver can give to another. */
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];
/** What a browser says of requests that no page made, or one of this very origin. */
const NO_OTHER_SITE = ['none', 'same-origin'];

/** Header of the control door. A browser asks before it sends a header of this kind, and is never answered yes. */
export const KEY_HEADER = 'x-simulator-key';

export interface Guard {
  port: number;
  /** Further names, with the port if there is one: of a proxy in front. */
  hosts: readonly string[];
}

/** @throws Refusal 403 */
export function refuseStrangers({ headers }: IncomingMessage, guard: Guard): void {
  const host = headers.host?.toLowerCase() ?? '';
  if (!isOwn(host, guard)) {
    throw new Refusal(403, 'FORBIDDEN_HOST', 'The simulated org answers under its loopback address and port only');
  }
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isPage = origin !== undefined && !isOwn(origin.toLowerCase().replace(/^http:\/\//, ''), guard);
  if (isPage || (typeof site === 'string' && !NO_OTHER_SITE.includes(site))) {
    throw new Refusal(403, 'FORBIDDEN_ORIGIN', 'The simulated org answers programs, not pages of other sites');
  }
}

function isOwn(host: string, { port, hosts }: Guard): boolean {
  const own = LOOPBACK_NAMES.flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
  return own.includes(host) || hosts.includes(host);
}

/** The control door is for whoever has its key, and takes JSON only. @throws Refusal 401, 405, 415 */
export function refuseAtDoor(method: string, headers: IncomingHttpHeaders, key: string): void {
  const given = headers[KEY_HEADER];
  if (typeof given !== 'string' || !timingSafeEqual(digest(given), digest(key))) {
    const message = `The control door needs the key that the simulated org printed at its start, as ${KEY_HEADER}`;
    throw new Refusal(401, 'INVALID_KEY', message);
  }
  if (method !== 'GET' && method !== 'POST') {
    throw new Refusal(405, 'METHOD_NOT_ALLOWED', 'The control door takes GET and POST');
  }
  if (method === 'POST' && !/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'The control door takes application/json');
  }
}

/** Of one length, as the comparison needs it. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

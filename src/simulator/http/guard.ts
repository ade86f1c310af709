/**
 * Allows only programs of this machine to use the simulated org. Web pages are refused, under whatever name they
 * reached this port: an attacker's name that points to 127.0.0.1 appears in `Host`, a page of another site in `Origin`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Refusal } from './http.js';

/** Names of this machine that no resolver can reassign. */
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];
/** A browser's values for requests that come from no page, or from this very origin. */
const NO_OTHER_SITE = ['none', 'same-origin'];

/** Header of the control API. Before a browser sends a custom header, it asks for permission, and never gets it. */
export const KEY_HEADER = 'x-simulator-key';

export interface Guard {
  port: number;
  /** Additional names, with the port if any, such as those of a proxy. */
  hosts: readonly string[];
}

/** @throws Refusal 403 */
export function refuseStrangers({ headers }: IncomingMessage, guard: Guard): void {
  const host = headers.host?.toLowerCase() ?? '';
  if (!isOwn(host, guard)) {
    throw new Refusal(403, 'FORBIDDEN_HOST', 'The simulated org answers only under its loopback address and port');
  }
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isPage = origin !== undefined && !isOwn(origin.toLowerCase().replace(/^http:\/\//, ''), guard);
  if (isPage || (typeof site === 'string' && !NO_OTHER_SITE.includes(site))) {
    throw new Refusal(403, 'FORBIDDEN_ORIGIN', 'The simulated org answers programs, not pages from other sites');
  }
}

function isOwn(host: string, { port, hosts }: Guard): boolean {
  const own = LOOPBACK_NAMES.flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
  return own.includes(host) || hosts.includes(host);
}

/** The control API requires its key, and accepts JSON only. @throws Refusal 401, 405, 415 */
export function refuseAtDoor(method: string, headers: IncomingHttpHeaders, key: string): void {
  const given = headers[KEY_HEADER];
  if (typeof given !== 'string' || !timingSafeEqual(digest(given), digest(key))) {
    const message = `The control API needs the key that the simulated org printed at startup, as ${KEY_HEADER}`;
    throw new Refusal(401, 'INVALID_KEY', message);
  }
  if (method !== 'GET' && method !== 'POST') {
    throw new Refusal(405, 'METHOD_NOT_ALLOWED', 'The control API accepts GET and POST');
  }
  if (method === 'POST' && !/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'The control API accepts application/json');
  }
}

/** Fixed length, as required for the comparison. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

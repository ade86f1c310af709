/**
 * Which addresses a token may travel to: https anywhere, plain http only within this machine.
 */
import { isIPv4 } from 'node:net';
import { NightloadError } from '../errors.js';

export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true;
  return isIPv4(hostname) && hostname.startsWith('127.');
}

/**
 * The origin (`https://host[:port]`) of an address given by a user or by the login server.
 *
 * @param setting what the address is called where it was set, for the error text
 * @throws NightloadError `INVALID_URL`; `INSECURE_URL` for plain http to another machine
 */
export function safeOrigin(address: string, setting: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // The text is not repeated when it cannot be read: it may be a secret that was put into the wrong variable.
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new NightloadError(
      'INVALID_URL',
      `${setting} is not a web address. Give it as https://acme.my.salesforce.com.`,
    );
  }
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new NightloadError('INVALID_URL', `${setting} must be an address without a path, such as ${url.origin}.`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new NightloadError(
      'INSECURE_URL',
      `${setting} is ${url.origin}: plain http would send the token readable over the network. ` +
        'Use https; http is accepted only for localhost, 127.0.0.0/8 and [::1].',
    );
  }
  return url.origin;
}

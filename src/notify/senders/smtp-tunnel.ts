/** A connection to a mail server through the proxy for its address. */
import type { Socket } from 'node:net';
import connectThrough from 'nodemailer/lib/smtp-connection/http-proxy-client';
import { proxyFor } from '../../runtime/proxy.js';
import type { MailServer } from '../addresses.js';

/**
 * @returns undefined for a direct connection
 * @throws NightloadError `INVALID_PROXY`, and the proxy's errors
 */
export async function tunnelTo({ host, port }: MailServer, timeout: number): Promise<Socket | undefined> {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const proxy = proxyFor(new URL(`https://${bracketed}:${port}`));
  if (proxy === undefined) return undefined;
  return new Promise((resolve, reject) => {
    connectThrough(proxy.href, port, host, { timeout }, (error, socket) => (error ? reject(error) : resolve(socket)));
  });
}

/**
 * Selects the proxy for a connection to another machine: `HTTPS_PROXY` and `NO_PROXY` in either letter case, one rule
 * for Salesforce, Temporal and downloads. Connections within this machine never use one.
 */
import { isIPv4 } from 'node:net';
import { NightloadError } from '../errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Options of a gRPC channel within this machine: by default it would use `https_proxy` even there. */
export const WITHOUT_PROXY = { 'grpc.enable_http_proxy': 0 } as const;

/** @param hostname from `URL`: an IPv6 address in brackets */
export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true;
  return isIPv4(hostname) && hostname.startsWith('127.');
}

/**
 * @returns undefined for a direct connection
 * @throws NightloadError `INVALID_PROXY`
 */
export function proxyFor({ protocol, hostname, port }: URL, env: Environment = process.env): URL | undefined {
  const name = protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY';
  const value = setting(name, env);
  if (value === '' || isLoopback(hostname)) return undefined;
  if (isExcepted(hostname, port || (protocol === 'http:' ? '80' : '443'), setting('NO_PROXY', env))) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol) && proxy.hostname !== '') return proxy;
  // Not repeated: it may contain a password.
  throw new NightloadError(
    'INVALID_PROXY',
    `${name} is not a proxy URL. Write it as http://proxy.example:3128, or unset it.`,
  );
}

/** Lower case first, like curl and other tools. */
function setting(name: string, env: Environment): string {
  return (env[name.toLowerCase()] ?? env[name] ?? '').trim();
}

/** `NO_PROXY`: hosts including their subdomains, each with or without a port; `*` for all. */
function isExcepted(hostname: string, port: string, list: string): boolean {
  return list.split(/[,\s]+/).some((entry) => {
    if (entry === '*') return true;
    // An IPv6 address without brackets has no port.
    const pattern = /:.*:/.test(entry) && !entry.startsWith('[') ? /^(.+)$/ : /^(?:\*?\.)?(.+?)(?::(\d+))?$/;
    const [, host = '', only] = pattern.exec(entry.toLowerCase()) ?? [];
    if (host === '' || (only !== undefined && only !== port)) return false;
    return hostname === host || hostname === `[${host}]` || hostname.endsWith(`.${host}`);
  });
}

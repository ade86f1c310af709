/** `NIGHTLOAD_METRICS_ADDRESS`: where a worker serves `/metrics`, `/healthz` and `/readyz`. */
import { isIPv4, isIPv6 } from 'node:net';
import { NightloadError } from '../../errors.js';

export interface MetricsAddress {
  /** A name or an IP address, IPv6 without brackets. */
  host: string;
  /** 0: any free port. */
  port: number;
}

const MAX_LENGTH = 260;
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i;

/**
 * @returns undefined if the variable is not set: then nothing is served
 * @throws NightloadError `METRICS_ADDRESS_INVALID`
 */
export function metricsAddress(env: NodeJS.ProcessEnv): MetricsAddress | undefined {
  const given = env['NIGHTLOAD_METRICS_ADDRESS']?.trim();
  if (!given) return undefined;
  const [, bracketed, plain, port] =
    (given.length <= MAX_LENGTH && /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(given)) || [];
  const isHost = bracketed === undefined ? isIPv4(plain ?? '') || isName(plain ?? '') : isIPv6(bracketed);
  if (isHost && Number(port) <= 65_535) return { host: bracketed ?? plain ?? '', port: Number(port) };
  throw new NightloadError(
    'METRICS_ADDRESS_INVALID',
    `NIGHTLOAD_METRICS_ADDRESS is ${JSON.stringify(given.slice(0, 60))}; write it as host:port, such as 127.0.0.1:9464, ` +
      '0.0.0.0:9464 or [::]:9464.',
  );
}

/** Digits and dots alone would be an IP address with an error in it. */
function isName(host: string): boolean {
  return NAME.test(host) && !/^[\d.]+$/.test(host);
}

export function shownAddress({ host, port }: MetricsAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

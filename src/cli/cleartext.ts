/** Whether what is said to Temporal can be read on its way. */
import { isLoopback } from '../proxy.js';
import { hostAndPort } from '../temporal-probe.js';
import type { TemporalSettings } from './temporal-settings.js';

/** What to say of a connection without TLS to another machine; undefined when nothing need be said. */
export function cleartextWarning({ address, connectionOptions }: TemporalSettings): string | undefined {
  if (connectionOptions.tls) return undefined;
  const { host } = hostAndPort(address);
  if (isLoopback(host.includes(':') ? `[${host}]` : host)) return undefined;
  const key = connectionOptions.apiKey === undefined ? '' : ', the API key among it';
  return (
    `TEMPORAL_ADDRESS is ${address}, another machine, and the connection has no TLS: whoever is between the two reads and ` +
    `changes everything${key}. Set TEMPORAL_TLS=true and, with an authority of your own, TEMPORAL_TLS_SERVER_CA_CERT_PATH.`
  );
}

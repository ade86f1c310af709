/** Whether data sent to Temporal can be read in transit. */
import { isLoopback } from '../../runtime/proxy.js';
import { hostAndPort } from '../../client/temporal-probe.js';
import type { TemporalSettings } from './settings.js';

/** Warning about a connection without TLS to another machine; undefined if none is needed. */
export function cleartextWarning({ address, connectionOptions }: TemporalSettings): string | undefined {
  if (connectionOptions.tls) return undefined;
  const { host } = hostAndPort(address);
  if (isLoopback(host.includes(':') ? `[${host}]` : host)) return undefined;
  const key = connectionOptions.apiKey === undefined ? '' : ', including the API key';
  return (
    `TEMPORAL_ADDRESS is ${address}, another machine, and the connection has no TLS: anyone on the network path can read and ` +
    `change everything${key}. Set TEMPORAL_TLS=true and, for a private CA, TEMPORAL_TLS_SERVER_CA_CERT_PATH.`
  );
}

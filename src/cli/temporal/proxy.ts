/** The proxy of a connection to Temporal: its two clients are configured in different ways. */
import type { ConnectionOptions } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { NightloadError } from '../../errors.js';
import { proxyFor, WITHOUT_PROXY } from '../../runtime/proxy.js';

/** @throws NightloadError `INVALID_PROXY` */
export function proxyOptions(
  address: string,
): Pick<ConnectionOptions, 'channelArgs'> & Pick<NativeConnectionOptions, 'proxy'> {
  const url = `https://${address}`;
  const proxy = URL.canParse(url) ? proxyFor(new URL(url)) : undefined;
  if (proxy === undefined) return { channelArgs: WITHOUT_PROXY };
  if (proxy.protocol !== 'http:') {
    throw new NightloadError(
      'INVALID_PROXY',
      'HTTPS_PROXY begins with https://, but Temporal supports only http:// proxies. Set one, or add the ' +
        'host of TEMPORAL_ADDRESS to NO_PROXY.',
    );
  }
  // The client of commands reads it only from there.
  process.env['grpc_proxy'] = proxy.href;
  const [username, password] = [proxy.username, proxy.password].map(decodeURIComponent) as [string, string];
  return {
    proxy: {
      type: 'http-connect',
      targetHost: `${proxy.hostname}:${proxy.port || '80'}`,
      ...(username !== '' && { basicAuth: { username, password } }),
    },
  };
}

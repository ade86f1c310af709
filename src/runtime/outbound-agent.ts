/** HTTP connections to other machines, each through the proxy for its address, if any. */
import { Agent, Dispatcher, Pool, ProxyAgent } from 'undici';
import type { buildConnector } from 'undici';
import { proxyFor } from './proxy.js';
import { connector, readsBeforeFailing } from './connector.js';

export interface OutboundOptions {
  /** Milliseconds to establish a connection, including the proxy's reply and TLS. */
  connectTimeout: number;
  bodyTimeout?: number;
  headersTimeout?: number;
  /** Bytes of all headers of a reply. */
  maxHeaderSize?: number;
}

/** undici's own `EnvHttpProxyAgent` does not exempt loopback, and Temporal's connections cannot use its rule. */
export class OutboundAgent extends Dispatcher {
  readonly #options: OutboundOptions;
  /** By the proxy's address; '' for direct connections. */
  readonly #agents = new Map<string, Dispatcher>();

  /** @throws NightloadError `INVALID_PROXY` */
  constructor(options: OutboundOptions) {
    super();
    this.#options = options;
    // An invalid proxy is reported when a worker starts, not as an unreachable org.
    proxyFor(new URL('https://acme.my.salesforce.com'));
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#agentFor(new URL(String(options.origin))).dispatch(options, handler);
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }

  override async destroy(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #agentFor(url: URL): Dispatcher {
    const proxy = proxyFor(url);
    const key = proxy?.href ?? '';
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const { connectTimeout, ...timeouts } = this.#options;
    const made =
      proxy === undefined
        ? new Agent({ connect: connector(connectTimeout), ...timeouts })
        : tunnel(proxy, connectTimeout, timeouts);
    this.#agents.set(key, made);
    return made;
  }
}

function tunnel(proxy: URL, timeout: number, timeouts: Omit<OutboundOptions, 'connectTimeout'>): ProxyAgent {
  return new ProxyAgent({
    uri: proxy.href,
    ...timeouts,
    proxyTls: { timeout },
    requestTls: { timeout },
    // The reply to CONNECT has no other limit.
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: timeout }),
    factory: (origin, options: { connect?: buildConnector.connector }) =>
      new Pool(origin, {
        ...options,
        ...(options.connect && { connect: readsBeforeFailing(namesRefusal(options.connect)) }),
      }),
  });
}

/** undici reports a proxy's refusal as an abort, with a code that does not mention it. */
function namesRefusal(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      const [error] = result;
      const status = /^Proxy response \((\d{3})\)/.exec(error?.message ?? '')?.[1];
      if (error && status !== undefined) Object.assign(error, { code: `the proxy answered HTTP ${status}` });
      callback(...result);
    });
}

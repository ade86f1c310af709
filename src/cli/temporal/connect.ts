/** The CLI's connection to Temporal. */
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { dataConverterFromEnvironment } from '../../codec/data-converter.js';
import { asTemporalError, isTooLargeStatus } from '../../client/temporal-errors.js';
import { whyNotConnected } from '../../client/temporal-probe.js';
import { cleartextWarning } from './cleartext-warning.js';
import { NightloadError } from '../../errors.js';
import { time } from '../../domain/text/format.js';
import { sayWarning } from '../shared/output.js';
import { RenewableConnection } from './renewable-connection.js';
import { watchCredentials } from './credentials.js';
import { temporalSettings } from './settings.js';
import type { TemporalSettings } from './settings.js';
import { defined } from '../../domain/defined.js';

export { temporalSettings };
export type { TemporalSettings };

/** The longest call waits for the end of a workflow, a minute at a time. */
const LAST_CALLS_MS = 90_000;

/** How long a connection may wait before it tries again: after an outage of an hour it would be two minutes. */
const RECONNECT_LIMIT_MS = 5_000;

/** The largest answer that is read: a description repeats the heartbeats of all steps, up to 2 MB each. */
const MAX_ANSWER_BYTES = 16_000_000;
/** How long a command may take that only asks or sends something. */
export const COMMAND_LIMIT_MS = 30_000;
/** For {@link withClient}: a command that only asks or sends something. */
export const ONE_ANSWER = { limitMs: COMMAND_LIMIT_MS } as const;
/** A call that has no answer by then is reported as such; the command itself ends slightly later. */
const AFTER_CALLS_MS = 500;

interface ClientOptions {
  /** @default from the environment; their credentials are reloaded */
  settings?: TemporalSettings;
  /** How long the work may take. @default it follows something, and has limits of its own */
  limitMs?: number;
}

/**
 * Runs with a client that is closed afterwards.
 * @throws NightloadError `NO_ANSWER` after the limit
 */
export async function withClient<T>(
  work: (client: Client) => Promise<T>,
  { settings: given, limitMs }: ClientOptions = {},
): Promise<T> {
  const settings = given ?? temporalSettings();
  const dataConverter = dataConverterFromEnvironment();
  warnOfCleartext(settings);
  const connection = new RenewableConnection(await connect(settings));
  const stop = given === undefined ? renewClient(settings, connection) : undefined;
  try {
    const client = new Client({ connection, namespace: settings.namespace, dataConverter });
    return await (limitMs === undefined ? work(client) : within(limitMs, client, work));
  } catch (error) {
    throw asTemporalError(error, settings);
  } finally {
    stop?.();
    // Not awaited: a pending request for a result would delay a detached command.
    void connection.close();
  }
}

/** Work that hangs, whatever it waits for, is given up. */
async function within<T>(limitMs: number, client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_done, fail) => {
    const error = new NightloadError(
      'NO_ANSWER',
      `No answer within ${time(limitMs)}, so this command gave up. Check the Temporal server, and the workflow in its UI; then try again.`,
    );
    timer = setTimeout(() => fail(error), limitMs + AFTER_CALLS_MS);
  });
  try {
    return await Promise.race([client.withDeadline(Date.now() + limitMs, () => work(client)), late]);
  } finally {
    clearTimeout(timer);
  }
}

const RETRIES = defaultGrpcRetryOptions();
/** As the SDK does, except that an answer that is too large stays too large. */
const retries = makeGrpcRetryInterceptor({
  ...RETRIES,
  retryableDecider: (attempt, status) => !isTooLargeStatus(status) && RETRIES.retryableDecider(attempt, status),
});

/** A machine at its limits needs longer than one that only waits for a server; a first timeout proves nothing. */
const CONNECT_LIMITS = ['5s', '15s'] as const;

async function connect(settings: TemporalSettings): Promise<Connection> {
  const { connectionOptions } = settings;
  const channelArgs = {
    ...connectionOptions.channelArgs,
    'grpc.max_reconnect_backoff_ms': RECONNECT_LIMIT_MS,
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
  };
  for (let attempt = 0; ; attempt++) {
    const connectTimeout = CONNECT_LIMITS[attempt] ?? '15s';
    const connection = Connection.lazy({ ...connectionOptions, connectTimeout, channelArgs, interceptors: [retries] });
    try {
      await connection.ensureConnected();
      return connection;
    } catch (error) {
      void connection.close();
      const why = await whyNotConnected(error, reachOf(settings));
      if (why.code !== 'TEMPORAL_SILENT' || attempt + 1 >= CONNECT_LIMITS.length) throw why;
    }
  }
}

/** A command may follow a load for longer than its credentials are valid. @returns a function that stops it */
export function renewClient(settings: TemporalSettings, connection: RenewableConnection, every?: number): () => void {
  return watchCredentials(settings, {
    read: temporalSettings,
    warn: sayWarning,
    ...defined({ intervalMs: every }),
    async use(connectionOptions) {
      const old = connection.replace(await connect({ ...settings, connectionOptions }));
      setTimeout(() => void old.close(), LAST_CALLS_MS).unref();
    },
  });
}

let isWarned = false;

/** Once per process. */
export function warnOfCleartext(settings: TemporalSettings): void {
  const text = isWarned ? undefined : cleartextWarning(settings);
  if (text === undefined) return;
  isWarned = true;
  sayWarning(text);
}

export function reachOf({
  address,
  namespace,
  connectionOptions,
}: TemporalSettings): Parameters<typeof whyNotConnected>[1] {
  const { tls, proxy } = connectionOptions;
  return { address, namespace, tls, ...defined({ proxy: proxy?.targetHost }) };
}

export function taskQueueFrom(env: NodeJS.ProcessEnv, fallback: string): string {
  return env['NIGHTLOAD_TASK_QUEUE'] || fallback;
}

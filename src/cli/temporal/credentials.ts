/**
 * Temporal client certificates and API keys that change while a process runs. Their files are read again every half
 * minute; changed ones are used only once a connection with them works.
 */
import { isDeepStrictEqual } from 'node:util';
import type { TemporalSettings } from './settings.js';
import { defined } from '../../domain/defined.js';

const INTERVAL_MS = 30_000;

type Options = TemporalSettings['connectionOptions'];

/** What may change; another address or namespace is another server, which needs a restart. */
function credentialsOf({ tls, apiKey, metadata }: Options): Pick<Options, 'tls' | 'apiKey' | 'metadata'> {
  return defined({ tls, apiKey, metadata });
}

export interface CredentialsWatch {
  /** Like `temporalSettings`. */
  read: () => TemporalSettings;
  /** Connects with them. Its errors are reported once; the next interval tries again. */
  use: (options: Options) => Promise<void>;
  warn: (text: string) => void;
  /** @default 30,000 */
  intervalMs?: number;
}

/** @returns a function that stops it */
export function watchCredentials(first: TemporalSettings, watch: CredentialsWatch): () => void {
  let used: unknown = credentialsOf(first.connectionOptions);
  let told: string | undefined;
  let busy = false;
  const look = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      const found = credentialsOf(watch.read().connectionOptions);
      if (isDeepStrictEqual(found, used)) return;
      await watch.use({ ...first.connectionOptions, ...found });
      used = found;
      told = undefined;
    } catch (error) {
      // Only some of the files may be written yet: the old ones stay until the new ones work.
      const text = error instanceof Error ? error.message : String(error);
      if (text !== told)
        watch.warn(`The changed Temporal credentials do not work yet; the old ones stay in use: ${text}`);
      told = text;
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), watch.intervalMs ?? INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

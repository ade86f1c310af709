/**
 * Client certificates and API keys of Temporal that are changed while a process runs. Their files are read again every
 * half minute; what has changed is used only once a connection with it works.
 */
import { isDeepStrictEqual } from 'node:util';
import type { TemporalSettings } from './temporal.js';

const INTERVAL_MS = 30_000;

type Options = TemporalSettings['connectionOptions'];

/** What may change; another address or namespace is another server, which needs a restart. */
function credentialsOf({ tls, apiKey, metadata }: Options): Pick<Options, 'tls' | 'apiKey' | 'metadata'> {
  return {
    ...(tls !== undefined && { tls }),
    ...(apiKey !== undefined && { apiKey }),
    ...(metadata !== undefined && { metadata }),
  };
}

export interface CredentialsWatch {
  /** As `temporalSettings`. */
  read: () => TemporalSettings;
  /** Connects with them. What it throws is told once; they are tried again the next time. */
  use: (options: Options) => Promise<void>;
  warn: (text: string) => void;
  /** @default 30,000 */
  intervalMs?: number;
}

/** @returns what ends it */
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
      // Half of the files may be there: the old ones stay until the new ones work.
      const text = error instanceof Error ? error.message : String(error);
      if (text !== told) watch.warn(`The changed credentials of Temporal do not work yet; the old ones stay: ${text}`);
      told = text;
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), watch.intervalMs ?? INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

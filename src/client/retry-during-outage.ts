/**
 * Waits for Temporal's answers through an outage: a load continues without the caller, so a silent server does not mean
 * the end of a load.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TemporalError, temporalError } from './temporal-errors.js';
import type { TemporalPlace } from './temporal-errors.js';
import type { NightloadError } from '../errors.js';
import { defined } from '../domain/defined.js';

export interface WaitOptions {
  /** Temporal does not answer; the call is retried. Called once per outage. */
  onSilence?: (error: NightloadError) => void;
  /** It answers again. */
  onAnswer?: () => void;
  /** Ends the wait. */
  signal?: AbortSignal;
  /** How long an outage may last. @default 24 hours */
  limitMs?: number;
}

interface Waiting extends WaitOptions {
  place: TemporalPlace;
  /** Called after an outage, before `call` is repeated, which may take as long as a load. */
  check?: () => Promise<unknown>;
}

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 10_000;
const OUTAGE_LIMIT_MS = 24 * 3_600_000;
/** A recovering server may not know its namespaces and keys at once: a refusal is believed when it lasts. */
const BELIEVE_REFUSAL_MS = 60_000;
/**
 * An immediate refusal is an answer; one that ends a long wait may come from a server that is starting, or a key that
 * is being renewed.
 */
const AT_ONCE_MS = 5_000;

/**
 * @throws TemporalError when Temporal refuses permanently, or is silent for too long; any other error that `call`
 * throws
 */
export async function keepAsking<T>(call: () => Promise<T>, options: Waiting): Promise<T> {
  const { place, check, onSilence, onAnswer, signal, limitMs = OUTAGE_LIMIT_MS } = options;
  const began = Date.now();
  let silentSince: number | undefined;
  let refusedSince: number | undefined;
  const answered = (): void => {
    if (silentSince !== undefined) onAnswer?.();
    silentSince = refusedSince = undefined;
  };
  for (let tries = 0; ; tries++) {
    try {
      if (silentSince !== undefined && check !== undefined) {
        await check();
        answered();
      }
      const value = await call();
      answered();
      return value;
    } catch (error) {
      const found = temporalError(error, place);
      if (signal?.aborted === true || !(found instanceof TemporalError)) throw found ?? error;
      const now = Date.now();
      if (found.retryable) refusedSince = undefined;
      else {
        refusedSince ??= now;
        const atOnce = silentSince === undefined && now - began < AT_ONCE_MS;
        if (atOnce || now - refusedSince >= BELIEVE_REFUSAL_MS) throw found;
      }
      if (silentSince === undefined) {
        silentSince = now;
        onSilence?.(found);
      }
      if (now - silentSince >= limitMs) throw found;
      await sleep(Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tries, 10)), undefined, {
        ...defined({ signal }),
      });
    }
  }
}

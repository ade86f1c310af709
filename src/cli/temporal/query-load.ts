/** Questions to a running load, which only its worker answers: a missing worker must not block a command. */
import type { Client } from '@temporalio/client';
import { CodecError } from '../../codec/codec-error.js';
import { NightloadError } from '../../errors.js';

const QUERY_LIMIT_MS = 2_000;
/** An answer arrived, and cannot be read here. */
const UNREADABLE = ['LOAD_UNREADABLE', 'TEMPORAL_ANSWER_TOO_LARGE'];

export function isUnreadable(error: unknown): error is NightloadError {
  return error instanceof CodecError || (error instanceof NightloadError && UNREADABLE.includes(error.code));
}

/** `undefined` when no worker answers in time, or its answer cannot be read. */
export async function queryLoad<T>(
  client: Client,
  ask: () => Promise<T>,
  onUnreadable: (error: NightloadError) => void = () => undefined,
): Promise<T | undefined> {
  try {
    return await client.withDeadline(Date.now() + QUERY_LIMIT_MS, ask);
  } catch (error) {
    if (isUnreadable(error)) onUnreadable(error);
    return undefined;
  }
}

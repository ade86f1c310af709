/**
 * Messages as they arrive: anything, from anyone who may send signals. Pure readers return what a handler may trust, or
 * nothing; `signalHandler` logs what is dropped, so that no message ends or stops a workflow.
 */
import { log, workflowInfo } from '@temporalio/workflow';
import { z } from 'zod';
import { PART_PHASES } from '../../contract/load-progress.js';
import { MAX_ROWS } from '../../domain/name-and-number-limits.js';
import { shown } from '../../domain/text/shown.js';
import { plainText } from '../../domain/text/plain-text.js';
import * as shape from '../../protocol/activities/input-shapes.js';
import type { PartNow } from '../../protocol/messages/load-messages.js';

const amount = z.number().min(0).max(MAX_ROWS);

/** Text for people. */
const line = shape.text().transform((text) => plainText(text, 1_000));

const PART_NOW = z.object({
  n: shape.part,
  phase: z.enum(PART_PHASES),
  processed: amount,
  failed: amount,
  total: amount,
  jobId: shape.salesforceId.exactOptional(),
  waitingFor: line.exactOptional(),
  inQuestion: z.boolean().exactOptional(),
  landed: z.boolean().exactOptional(),
});

const GRANT = z.object({ id: shape.text(300), warning: line.exactOptional() });

/**
 * A signal handler that accepts anything. What cannot be read, or makes the handler throw, is logged and dropped.
 * @param read returns undefined for anything that is not a message of this kind
 */
export function signalHandler<T>(
  name: string,
  read: (message: unknown) => T | undefined,
  handle: (message: T) => void | Promise<void>,
): (message?: unknown) => Promise<void> {
  return async (message) => {
    try {
      const found = read(message);
      if (found === undefined) log.warn('A signal was dropped: its payload is invalid.', { signal: name });
      else await handle(found);
    } catch (error) {
      log.warn('A signal was dropped: handling it failed.', { signal: name, why: reasonOf(error) });
    }
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? plainText(error.message, 200) : shown(error);
}

/** For signals without arguments. */
export function noArguments(): true {
  return true;
}

/** Progress of a part. */
export const readPartNow = (message: unknown): PartNow | undefined => PART_NOW.safeParse(message).data;

/** Text for people. */
export const readText = (message: unknown): string | undefined => line.safeParse(message).data;

export type Grant = z.infer<typeof GRANT>;

/** The ledger's grant to a job of this workflow. */
export function readGrant(message: unknown): Grant | undefined {
  const { data } = GRANT.safeParse(message);
  return data?.id.startsWith(`${workflowInfo().firstExecutionRunId}/`) === true ? data : undefined;
}

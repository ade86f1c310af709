/** How a command waits for an answer of Temporal, and what is printed meanwhile. */
import type { Client } from '@temporalio/client';
import { keepAsking } from '../../client/retry-during-outage.js';
import type { WaitOptions } from '../../client/retry-during-outage.js';
import { placeOf } from '../../client/temporal-errors.js';
import { COMMAND_LIMIT_MS } from './connect.js';
import { say } from '../shared/output.js';

export interface Printing {
  json?: boolean;
  /** Only the result and errors. */
  quiet?: boolean;
}

/** Once per outage. */
export function outageNotes({ quiet }: Printing): WaitOptions {
  if (quiet === true) return {};
  return {
    onSilence: ({ code, message }) => say(`Temporal does not answer (${code}: ${message}); still trying.`),
    onAnswer: () => say('Temporal answers again.'),
  };
}

/** Through an outage of Temporal; a call that hangs is repeated like one that fails. */
export function asked<T>(client: Client, printing: Printing, call: () => Promise<T>): Promise<T> {
  const inTime = (): Promise<T> => client.withDeadline(Date.now() + COMMAND_LIMIT_MS, call);
  return keepAsking(inTime, { ...outageNotes(printing), place: placeOf(client) });
}

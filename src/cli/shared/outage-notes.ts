/** What is printed while a command waits for an answer of Temporal. */
import type { WaitOptions } from '../../client/retry-during-outage.js';
import { say } from './output.js';

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

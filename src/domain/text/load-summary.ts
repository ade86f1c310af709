/** How a load is described in the Temporal UI, from its input alone. Pure. */
import type { BulkLoadInput } from '../../contract/load-input.js';
import { code, plain } from './markdown.js';
import { nameOf } from './format.js';

/** `upsert Account from accounts.csv`: what lists of workflows show; at most 200 bytes. */
export function loadSummary({ operation, object, source }: BulkLoadInput): string {
  return plain(`${operation} ${object} from ${nameOf(source)}`);
}

/** What does not change during a load: for people who open it and do not know nightload. */
export function loadIntroduction(input: BulkLoadInput): string {
  const key = input.externalIdFieldName === undefined ? '' : ` by ${code(input.externalIdFieldName)}`;
  return [
    `Loads ${code(input.source)} into **${plain(input.object)}** of the connection ${code(input.connection ?? 'default')}: ${plain(input.operation)}${key}.`,
    '',
    '- Signal `pause`: starts no new jobs; running jobs continue. Signal `resume`: starts jobs again.',
    '- Signal `pollNow`: polls all running jobs now.',
    '- **Cancel**: aborts unfinished jobs and counts what landed. Do not terminate: that skips the report.',
    '- Update `submitCorrections`: accepts corrections of rejected rows during the hold.',
    '- Children: one `ingestJob` per part of the file (`…/part-1`), and `retryFailedRows` (`…/retry`).',
  ].join('\n');
}

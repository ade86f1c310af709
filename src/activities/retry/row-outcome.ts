/** Decides about each row of a failed file. */
import { classify, isDone, mayPassUnchanged, parseRowError } from '../../domain/platform/row-errors.js';
import type { ResultRow } from '../../rows/result-rows.js';
import type { TriageContext } from './triage-context.js';

/**
 * Outcome of a failed row: sent again, with or without a fix rule's change; counted as done; or rejected. `stop` is a
 * rejection after which the org accepts no more rows.
 */
export type RowOutcome = 'again' | 'fixed' | 'done' | 'reject' | 'stop';

export function outcomeOf({ operation, fixes }: TriageContext, row: ResultRow): RowOutcome {
  const error = parseRowError(row.note);
  const rowClass = classify(error);
  if (isDone(rowClass, operation)) return 'done';
  if (rowClass === 'stop') return 'stop';
  // Rules do not touch lock errors and the like; of rows that wait for a parent they change only what a table names.
  if (row.complete && fixes.fix(error, row.cells) !== undefined) return 'fixed';
  return mayPassUnchanged(rowClass, operation) ? 'again' : 'reject';
}

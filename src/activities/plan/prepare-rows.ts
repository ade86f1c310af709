/** Prepares the rows of a checked source for sending. */
import type { CheckedSource, PreparedRows, RowsToSend } from './rows-to-send.js';
import { rowsToSend } from './rows-to-send.js';
import { checkLargeRecords } from './oversized-records.js';
import { leaveOutBadRows } from './bad-rows.js';
import { NightloadError } from '../../errors.js';

/**
 * @throws NightloadError `SOURCE_EMPTY`, `CSV_CELL_TOO_LONG`, `CSV_RECORD_TOO_LONG`, `ROWS_WOULD_FAIL`, and CSV read
 *   errors
 */
export async function prepareRows(source: CheckedSource): Promise<PreparedRows> {
  const { checked, input } = source;
  const rows = await rowsToSend(source);
  if (rows.plan.records === 0) throw nothingToLoad(rows);
  if (input.checkRows || input.skipBadRows) return leaveOutBadRows(source, rows);
  await checkLargeRecords(rows, checked.titles);
  return { rows };
}

export function nothingToLoad({ warnings }: RowsToSend): NightloadError {
  const only = warnings.some(({ code }) => code === 'BLANK_ROWS_LEFT_OUT') ? 'only blank data rows' : 'no data rows';
  return new NightloadError('SOURCE_EMPTY', `The file has a header line and ${only}, so there is nothing to load.`);
}

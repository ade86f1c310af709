/** Finds records with more characters than the platform accepts. */
import type { RowsToSend } from './rows-to-send.js';
import { MAX_FIELD_CHARACTERS, MAX_RECORD_CHARACTERS } from '../../domain/platform/record-limits.js';
import type { Titles } from '../../csv/shown-titles.js';
import { readRanges } from '../../storage/read-files.js';
import { readCells } from '../../csv/cells.js';
import { NightloadError } from '../../errors.js';

/** Only records with this many bytes can exceed the limits, and there are few of them. */
export async function checkLargeRecords({ path, names, dialect, plan }: RowsToSend, titles: Titles): Promise<void> {
  let n = 0;
  for await (const record of readRanges(path, plan.large)) {
    const row = plan.large[n++]?.row;
    const cells = readCells(record, dialect.delimiter);
    const long = cells.findIndex((cell) => cell.length > MAX_FIELD_CHARACTERS);
    if (long !== -1) {
      throw new NightloadError(
        'CSV_CELL_TOO_LONG',
        `Data row ${row} has ${cells[long]?.length} characters in ${columnAt(names, long, titles)}; Salesforce accepts ${MAX_FIELD_CHARACTERS}. ` +
          'Check for an unclosed quote that swallows the rows after it, or shorten the value.',
      );
    }
    const all = cells.reduce((sum, cell) => sum + cell.length, 0);
    if (all > MAX_RECORD_CHARACTERS) {
      throw new NightloadError(
        'CSV_RECORD_TOO_LONG',
        `Data row ${row} has ${all} characters; Salesforce accepts ${MAX_RECORD_CHARACTERS} per record.`,
      );
    }
  }
}

function columnAt(names: readonly string[], index: number, titles: Titles): string {
  const name = names[index] ?? '';
  return titles.shows(name) ? `the column "${name}"` : `column ${index + 1}`;
}

/** Why rows of a rehearsal failed: groups of the rejected file, with some of the rows. */
import { readCell, readCells } from '../../../csv/cells.js';
import { scanRecords } from '../../../csv/records.js';
import { parseRowError } from '../../../domain/platform/row-errors.js';
import { plainText } from '../../../domain/text/plain-text.js';
import { ForeignFile } from '../../../storage/files/file-ref.js';
import { readRange } from '../../../storage/read-files.js';

/** Rejected files are written with commas, whatever the source has. */
const DELIMITER = ',';
/** Different causes; rows of further ones are counted together. */
const MAX_CAUSES = 200;
const MAX_SAMPLES = 3;
const MAX_MESSAGE = 300;
const MAX_KEY = 80;
/** Of a rule, the message is the cause; of other codes, it often has a value in it. */
const BY_MESSAGE = /^(?:FIELD_CUSTOM_VALIDATION|CANNOT_INSERT_UPDATE_ACTIVATE|CANNOT_EXECUTE_FLOW)_/;

export interface Cause {
  code: string;
  fields: string[];
  rows: number;
  /** Of the first row. */
  message: string;
  /** Keys of some rows. */
  samples: string[];
}

/** @param key column that identifies a row, if the file has it */
export async function causesOf(path: string, key: string | undefined): Promise<Cause[]> {
  const causes = new Map<string, Cause>();
  const columns: { error: number; key: number } = { error: -1, key: -1 };
  let isHeader = true;
  await scanRecords(readRange(new ForeignFile(path), 0), { delimiter: DELIMITER }, (record) => {
    if (isHeader) {
      isHeader = false;
      const titles = readCells(record, DELIMITER);
      columns.error = titles.indexOf('sf__Error');
      // Without a key, the first column of the source: it follows sf__Id and sf__Error.
      columns.key = titles.findIndex((title) => title.toLowerCase() === key?.toLowerCase());
      if (columns.key === -1) columns.key = Math.min(2, titles.length - 1);
      return;
    }
    if (columns.error === -1) return;
    const { code = 'OTHER', message, fields } = parseRowError(readCell(record, columns.error, DELIMITER));
    const own = BY_MESSAGE.test(code) ? plainText(message, MAX_MESSAGE) : '';
    let cause = causes.get(JSON.stringify([code, fields, own]));
    if (cause === undefined) {
      const isMore = causes.size >= MAX_CAUSES;
      const id = isMore ? 'more' : JSON.stringify([code, fields, own]);
      cause = causes.get(id) ?? {
        code: isMore ? 'OTHER' : code,
        fields: isMore ? [] : fields,
        rows: 0,
        message: plainText(message, MAX_MESSAGE),
        samples: [],
      };
      causes.set(id, cause);
    }
    cause.rows++;
    if (cause.samples.length < MAX_SAMPLES) {
      cause.samples.push(plainText(readCell(record, columns.key, DELIMITER), MAX_KEY));
    }
  });
  return [...causes.values()].sort((a, b) => b.rows - a.rows);
}

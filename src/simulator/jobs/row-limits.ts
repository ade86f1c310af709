/** Refuses headers and rows that are too large or do not match each other, before their values are checked. */
import { aboutField } from '../org/row-errors.js';
import type { Quirks } from '../quirks.js';
import type { Column } from './apply-row.js';
import type { Header, UploadedRow } from './upload.js';

const HEADER_CHARACTERS = 32_000;
const COLUMNS = 5_000;
const CELL_CHARACTERS = 131_072;
const ROW_CHARACTERS = 400_000;

/** The error message of the failed job. */
export function refuseHeader({ raw, names }: Header): string | undefined {
  if (raw.length > HEADER_CHARACTERS) {
    return `InvalidBatch : The header has more than ${HEADER_CHARACTERS} characters`;
  }
  if (names.length > COLUMNS) return `InvalidBatch : The header has more than ${COLUMNS} fields`;
  return undefined;
}

/** A row error. */
export function refuseRow(
  { cells, strayQuote }: UploadedRow,
  columns: readonly Column[],
  { unevenRows }: Pick<Quirks, 'unevenRows'>,
): string | undefined {
  if (strayQuote) return 'INVALID_FIELD:Found unescaped quote. A value with quote should be within a quote:--';
  if (unevenRows === 'refuse' && cells.length !== columns.length) {
    return `INVALID_FIELD:The row has ${cells.length} cells, the header ${columns.length}:--`;
  }
  let characters = 0;
  for (const [i, cell] of cells.entries()) {
    characters += cell.length;
    const column = columns[i];
    if (cell.length > CELL_CHARACTERS && column !== undefined) {
      const message = `data value too large: ${cell.slice(0, 60)} (max length=${CELL_CHARACTERS})`;
      return aboutField('STRING_TOO_LONG', message, column.field);
    }
  }
  return characters > ROW_CHARACTERS
    ? `LIMIT_EXCEEDED:The row has more than ${ROW_CHARACTERS} characters:--`
    : undefined;
}

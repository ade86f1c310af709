/**
 * Finds rows that would fail, before anything is sent: writes them as rejected rows and leaves them out of the upload.
 */
import type { CheckedSource, PreparedRows, RowsToSend } from './rows-to-send.js';
import type { Preflight } from './check-header.js';
import type { PlanLoadInput } from '../../protocol/activities/plan-types.js';
import type { RowCheckInput, RowCheckReport } from '../../preflight/rows/check-rows.js';
import { cut, isSource } from './rows-to-send.js';
import { defined } from '../../domain/defined.js';
import { keyNormalizer } from '../../keys/normalize-key.js';
import { join, uriOf } from '../../storage/locations.js';
import { RowFile } from '../../storage/row-file.js';
import { isDelete } from '../../domain/platform/operations.js';
import { eachRecordBytes } from '../../csv/records.js';
import { readRange } from '../../storage/read-files.js';
import { readCells, writeCells } from '../../csv/cells.js';
import { headerBytes } from '../../rows/column-mapping.js';
import { randomUUID } from 'node:crypto';
import { checkRows } from '../../preflight/rows/check-rows.js';
import { NightloadError } from '../../errors.js';
import { shownPath } from '../../domain/text/shown.js';
import { saveStream } from '../../storage/write-files.js';

/** Rules from describe for each column that is sent. */
function rowRules(
  rows: RowsToSend,
  { describe, externalIdFieldName, titles }: Preflight,
  { operation, blankAsNull }: Pick<PlanLoadInput, 'operation' | 'blankAsNull'>,
): Omit<RowCheckInput, 'chunks'> {
  const fields = new Map(describe?.fields.map((field) => [field.name, field]));
  const keyName = operation === 'upsert' ? externalIdFieldName : operation === 'insert' ? undefined : 'Id';
  const keyIndex = rows.names.findIndex((name) => name === keyName);
  const keyField = keyName === undefined ? undefined : fields.get(keyName);
  return {
    delimiter: rows.dialect.delimiter,
    leaveOutBlank: isSource(rows),
    base: rows.dialect.dataStart,
    width: rows.names.length,
    ...defined({ headerWidth: rows.headerWidth }),
    columns: rows.names.map((name, index) => {
      const field = fields.get(name);
      const title = describe !== undefined || titles.shows(name) ? name : `column ${index + 1}`;
      return { index, title, name, ...defined({ field }) };
    }),
    operation,
    blankAsNull,
    ...(keyName !== undefined &&
      keyIndex !== -1 && {
        key: {
          index: keyIndex,
          name: keyName,
          normalise: keyNormalizer(
            keyField && { type: keyName === 'Id' ? 'id' : keyField.type, caseSensitive: keyField.caseSensitive },
          ),
        },
      }),
  };
}

export async function leaveOutBadRows(source: CheckedSource, rows: RowsToSend): Promise<PreparedRows> {
  const { file, numbers, report } = await writeBadRows(source, rows);
  if (report.badRows === 0) return { rows };
  if (!source.input.skipBadRows) throw rowsWouldFail(report, file.path);
  const rejected = { uri: uriOf(file.path), rows: report.badRows };
  return { rows: await withoutRows(rows, numbers, source), rejected };
}

/** Writes the rows that would fail, in the format of a rejected file. */
export async function writeBadRows(
  { opened, checked, work, input, step }: CheckedSource,
  rows: RowsToSend,
): Promise<{ file: RowFile; numbers: number[]; report: RowCheckReport }> {
  // A delete sends ids only; its rejected file also has the other columns, from the source.
  const { kept } = checked.columns;
  const shown = isDelete(input.operation) ? kept.map(({ name }) => name) : rows.names;
  // Opened for the first such row: a reader that is never read would keep the file open.
  let records: AsyncGenerator<Buffer> | undefined;
  let place = 0;
  const original = async (number: number): Promise<string[]> => {
    const { delimiter, dataStart } = opened.dialect;
    records ??= eachRecordBytes(readRange(opened.path, dataStart, undefined, step.signal), {
      delimiter,
      leaveOutBlank: true,
    });
    for (;;) {
      const next = await records.next();
      if (next.done === true) return [];
      if (++place === number) return readCells(next.value, delimiter);
    }
  };
  const header = headerBytes(['sf__Id', 'sf__Error', ...shown], ',', 'LF');
  const file = new RowFile(join(work, `bad-rows-${randomUUID().slice(0, 8)}.csv`), header);
  const numbers: number[] = [];
  try {
    const report = await checkRows({
      ...rowRules(rows, checked, input),
      chunks: readRange(rows.path, rows.dialect.dataStart, undefined, step.signal),
      signal: step.signal,
      onProgress: (bytes) => (step.bytes = bytes),
      async onBadRow(record, { row: number, error }) {
        numbers.push(number);
        const cells = isDelete(input.operation) ? await original(number) : readCells(record, rows.dialect.delimiter);
        const row = isDelete(input.operation) ? kept.map(({ index }) => cells[index] ?? '') : cells;
        await file.add(writeCells(['', error, ...row], ',', 'LF'));
      },
    });
    return { file, numbers, report };
  } finally {
    await records?.return(undefined);
    await file.close();
  }
}

function rowsWouldFail({ rows, badRows, byCode, findings }: RowCheckReport, path: string): NightloadError {
  const counts = Object.entries(byCode).map(([code, count]) => `${code} ${count}`);
  const first = findings[0];
  return new NightloadError(
    'ROWS_WOULD_FAIL',
    `${badRows} of ${rows} rows would fail (${counts.join(', ')}), so nothing was sent. The first is data row ${first?.row}: ` +
      `${first?.column === undefined ? '' : `${first.column}: `}${first?.error.split(':')[0]}. All are in ${shownPath(path)}; ` +
      '--skip-bad-rows rejects them and loads the others.',
  );
}

/** The rows except those with the given numbers, in ascending order. */
async function withoutRows(
  rows: RowsToSend,
  numbers: readonly number[],
  { work, input, step }: Pick<CheckedSource, 'work' | 'input' | 'step'>,
): Promise<RowsToSend> {
  const { dialect } = rows;
  const file = new RowFile(join(work, `good-rows-${randomUUID().slice(0, 8)}.csv`), Buffer.alloc(0));
  const end = Buffer.from(dialect.lineEnding === 'CRLF' ? '\r\n' : '\n');
  let row = 0;
  let next = 0;
  try {
    const { delimiter, dataStart } = dialect;
    for await (const record of eachRecordBytes(readRange(rows.path, dataStart, undefined, step.signal), {
      delimiter,
      leaveOutBlank: isSource(rows),
    })) {
      if (++row === numbers[next]) next++;
      else await file.add(record[record.length - 1] === 0x0a ? record : Buffer.concat([record, end]));
    }
  } finally {
    await file.close();
  }
  const written = { ...dialect, dataStart: 0 };
  if (file.rows === 0) await saveStream((async function* () {})(), file.path);
  const plan = await cut({ path: file.path, dialect: written, names: rows.names }, input.partMaxBytes, step);
  return { ...rows, path: file.path, dialect: written, plan, rewritten: 'rows that would fail are left out' };
}

/** The bytes that are sent: the source's own where that is possible, else a copy that says the same. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDelete } from '../contract.js';
import { blankRowsText } from '../csv/blank-rows.js';
import type { BlankRows } from '../csv/blank-rows.js';
import { readCells, writeCells } from '../csv/cells.js';
import { listedNumbers } from '../csv/dialect.js';
import type { Dialect } from '../csv/dialect.js';
import { headerBytes, sendsAllColumns } from '../csv/header.js';
import { keyNormaliser } from '../csv/keys.js';
import { planParts } from '../csv/parts.js';
import type { PartPlan, PlanOptions } from '../csv/parts.js';
import type { Titles } from '../csv/titles.js';
import { rewriteCsv, rewrittenNames } from '../csv/rewrite.js';
import { eachRecordBytes } from '../csv/records.js';
import { NightloadError } from '../errors.js';
import { checkRows } from '../preflight/check-rows.js';
import type { RowCheckInput, RowCheckReport } from '../preflight/check-rows.js';
import type { Finding } from '../preflight/findings.js';
import { readRange, readRanges, saveStream, scanRange } from '../storage/files.js';
import type { FileRef } from '../storage/files.js';
import { withinFreeSpace } from '../storage/free-space.js';
import { RowFile } from '../storage/row-file.js';
import type { OpenSource } from './open-source.js';
import type { Preflight } from './preflight.js';
import type { RejectedRows } from './stage.js';
import { countingBytes } from './step.js';
import type { Step } from './step.js';
import type { PlanLoadInput } from './types.js';

export interface RowsToSend {
  path: FileRef;
  names: string[];
  dialect: Pick<Dialect, 'delimiter' | 'lineEnding' | 'dataStart'>;
  plan: PartPlan;
  /** Why the source's own bytes are not sent. */
  rewritten?: string;
  /** Then: cells of the source's header. */
  headerWidth?: number;
  /** What of the source is left out. */
  warnings: Finding[];
}

export interface PreparedRows {
  rows: RowsToSend;
  rejected?: RejectedRows;
}

/** The platform's limits for one record. */
const MOST_CHARACTERS = { cell: 131_072, record: 400_000 } as const;

/** @throws NightloadError `SOURCE_EMPTY`, `CSV_CELL_TOO_LONG`, `CSV_RECORD_TOO_LONG`, `ROWS_WOULD_FAIL`, and those of reading a CSV */
export async function prepareRows(
  opened: OpenSource,
  checked: Preflight,
  work: string,
  input: PlanLoadInput,
  step: Step,
): Promise<PreparedRows> {
  const rows = await rowsToSend(opened, checked, work, input, step);
  if (rows.plan.records === 0) throw nothingToLoad(rows);
  if (input.checkRows || input.skipBadRows) return leaveOutBadRows(opened, rows, checked, work, input, step);
  await checkLargeRecords(rows, checked.titles);
  return { rows };
}

export function nothingToLoad({ warnings }: RowsToSend): NightloadError {
  const only = warnings.some(({ code }) => code === 'BLANK_ROWS_LEFT_OUT')
    ? 'only data rows without any value'
    : 'no data rows';
  return new NightloadError('SOURCE_EMPTY', `The file has a header line and ${only}, so there is nothing to load.`);
}

/** The source itself where its bytes can be sent; else a copy that says the same. */
export async function rowsToSend(
  { path: source, dialect }: OpenSource,
  { columns, constants, externalIdFieldName }: Preflight,
  work: string,
  input: PlanLoadInput,
  step: Step,
): Promise<RowsToSend> {
  let why =
    Object.keys(constants).length > 0
      ? 'constants are added'
      : !sendsAllColumns(dialect.header, columns.sent)
        ? 'columns are left out'
        : input.blankAsNull
          ? 'empty cells become #N/A'
          : undefined;
  if (why === undefined) {
    const names = columns.sent.map(({ name }) => name);
    // Rows that are looked at one by one are rejected one by one.
    const width = input.checkRows || input.skipBadRows ? 0 : names.length;
    const plan = await cut({ path: source, dialect, names, width, leaveOutBlank: true }, input.partMaxBytes, step);
    // The header line is our own, so only the data's line breaks count.
    const lineEnding = plan.lineBreaks === 'none' ? dialect.lineEnding : plan.lineBreaks;
    // What the platform makes of blank lines is not documented, so they are not sent.
    if (plan.blankBytes > 0) why = plan.blankRows.rows > 0 ? 'blank rows are left out' : 'blank lines are left out';
    else if (plan.loneCr) why = 'cells with carriage returns are quoted';
    else if (lineEnding === 'mixed') why = 'line ends are mixed';
    else if ((input.lineEnding ?? lineEnding) !== lineEnding) why = 'line ends are changed';
    else {
      const warnings = leftOut(plan.blankRows, []);
      return { path: source, names, dialect: { ...dialect, lineEnding }, plan, warnings };
    }
  }
  const blankRows = { rows: 0, after: 0 };
  const shape = {
    delimiter: dialect.delimiter,
    width: dialect.header.length,
    dataStart: dialect.dataStart,
    columns: columns.sent,
    constants,
    blankAsNull: input.blankAsNull,
    keepRagged: input.checkRows || input.skipBadRows,
    keys: ['Id', ...(externalIdFieldName === undefined ? [] : [externalIdFieldName])],
    nameless: columns.nameless,
    blankRows,
  };
  // A name of its own: an earlier attempt, cut off from the server, may still be writing.
  const path = join(work, `source-${randomUUID().slice(0, 8)}.csv`);
  const written = countingBytes(rewriteCsv(readRange(source, dialect.dataStart), shape), step);
  await saveStream(withinFreeSpace(written, work), path, step.signal);
  const copy = { delimiter: ',', lineEnding: 'LF', dataStart: 0 } as const;
  const names = rewrittenNames(shape);
  const plan = await cut({ path, dialect: copy, names }, input.partMaxBytes, step);
  const warnings = leftOut(blankRows, columns.nameless);
  return { path, names, dialect: copy, plan, rewritten: why, headerWidth: dialect.header.length, warnings };
}

function leftOut(blankRows: BlankRows, nameless: readonly number[]): Finding[] {
  const found: Finding[] = [];
  if (blankRows.rows > 0) found.push({ code: 'BLANK_ROWS_LEFT_OUT', message: blankRowsText(blankRows) });
  if (nameless.length > 0) {
    const numbers = listedNumbers(nameless.map((index) => index + 1));
    found.push({
      code: 'COLUMNS_LEFT_OUT',
      message:
        nameless.length === 1
          ? `Column ${numbers} has no name and no value in any row, so it is not sent.`
          : `Columns ${numbers} have no name and no value in any row, so they are not sent.`,
    });
  }
  return found;
}

/** Rows without any value are left out of a source; of what was made of it every row is one of the source. */
function isSource({ rewritten }: RowsToSend): boolean {
  return rewritten === undefined;
}

interface RowsToCut extends Pick<PlanOptions, 'width' | 'leaveOutBlank'> {
  path: FileRef;
  dialect: Pick<Dialect, 'delimiter' | 'dataStart'>;
  names: string[];
}

function cut({ path, dialect, names, ...how }: RowsToCut, partMaxBytes: number, step: Step): Promise<PartPlan> {
  const header = headerBytes(names, dialect.delimiter, 'CRLF').length;
  return planParts(scanRange(path, dialect.dataStart, undefined, step.signal), {
    delimiter: dialect.delimiter,
    base: dialect.dataStart,
    maxBytes: Math.max(1, partMaxBytes - header),
    ...how,
    onProgress: (bytes) => (step.bytes = bytes),
  });
}

/** Only records of so many bytes can break the limits, and there are few of them. */
export async function checkLargeRecords({ path, names, dialect, plan }: RowsToSend, titles: Titles): Promise<void> {
  let n = 0;
  for await (const record of readRanges(path, plan.large)) {
    const row = plan.large[n++]?.row;
    const cells = readCells(record, dialect.delimiter);
    const long = cells.findIndex((cell) => cell.length > MOST_CHARACTERS.cell);
    if (long !== -1) {
      throw new NightloadError(
        'CSV_CELL_TOO_LONG',
        `Data row ${row} has ${cells[long]?.length} characters in ${columnAt(names, long, titles)}; Salesforce takes ${MOST_CHARACTERS.cell}. ` +
          'Look for a quote that swallows the rows after it, or shorten the value.',
      );
    }
    const all = cells.reduce((sum, cell) => sum + cell.length, 0);
    if (all > MOST_CHARACTERS.record) {
      throw new NightloadError(
        'CSV_RECORD_TOO_LONG',
        `Data row ${row} has ${all} characters; Salesforce takes ${MOST_CHARACTERS.record} in one record.`,
      );
    }
  }
}

function columnAt(names: readonly string[], index: number, titles: Titles): string {
  const name = names[index] ?? '';
  return titles.shows(name) ? `the column "${name}"` : `column ${index + 1}`;
}

/** Rules of describe for each column that is sent. */
export function rowRules(
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
    ...(rows.headerWidth !== undefined && { headerWidth: rows.headerWidth }),
    columns: rows.names.map((name, index) => {
      const field = fields.get(name);
      const title = describe !== undefined || titles.shows(name) ? name : `column ${index + 1}`;
      return { index, title, name, ...(field && { field }) };
    }),
    operation,
    blankAsNull,
    ...(keyName !== undefined &&
      keyIndex !== -1 && {
        key: {
          index: keyIndex,
          name: keyName,
          normalise: keyNormaliser(
            keyField && { type: keyName === 'Id' ? 'id' : keyField.type, caseSensitive: keyField.caseSensitive },
          ),
        },
      }),
  };
}

async function leaveOutBadRows(
  opened: OpenSource,
  rows: RowsToSend,
  checked: Preflight,
  work: string,
  input: PlanLoadInput,
  step: Step,
): Promise<PreparedRows> {
  const { file, numbers, report } = await writeBadRows(opened, rows, checked, work, input, step);
  if (report.badRows === 0) return { rows };
  if (!input.skipBadRows) throw rowsWouldFail(report, file.path);
  const rejected = { uri: pathToFileURL(file.path).href, rows: report.badRows };
  return { rows: await withoutRows(rows, numbers, work, input, step), rejected };
}

/** Writes the rows that would fail in the shape of a rejected file. */
export async function writeBadRows(
  opened: OpenSource,
  rows: RowsToSend,
  checked: Preflight,
  work: string,
  input: Pick<PlanLoadInput, 'operation' | 'blankAsNull'>,
  step: Step,
): Promise<{ file: RowFile; numbers: number[]; report: RowCheckReport }> {
  // A delete sends ids only, and its rejected file has the other columns too: they are in the source.
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
      `${first?.column === undefined ? '' : `${first.column}: `}${first?.error.split(':')[0]}. All of them are in ${path}; ` +
      '--skip-bad-rows loads the others and rejects these.',
  );
}

/** The rows but those with the given numbers, which ascend. */
async function withoutRows(
  rows: RowsToSend,
  numbers: readonly number[],
  work: string,
  input: PlanLoadInput,
  step: Step,
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

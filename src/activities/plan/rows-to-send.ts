/** Chooses the bytes to send: the source's own if possible, otherwise an equivalent copy. */
import { join } from '../../storage/locations.js';
import type { FileRef } from '../../storage/files/file-ref.js';
import type { Dialect } from '../../csv/dialect.js';
import type { PartPlan, PlanOptions } from '../../csv/plan-parts.js';
import type { Finding } from '../../preflight/header/findings.js';
import type { OpenSource } from '../source/open-source.js';
import type { Preflight } from './check-header.js';
import type { PlanLoadInput } from '../../protocol/activities/plan-types.js';
import type { ActivityRun } from '../run-activity.js';
import { headerBytes, sendsAllColumns } from '../../rows/column-mapping.js';
import { randomUUID } from 'node:crypto';
import { countingBytes } from '../run-activity.js';
import { rewriteCsv, rewrittenNames } from '../../csv/rewrite.js';
import { readRange, scanRange } from '../../storage/read-files.js';
import { saveStream } from '../../storage/write-files.js';
import { withinFreeSpace } from '../../storage/files/free-space.js';
import type { BlankRows } from '../../csv/blank-rows.js';
import { blankRowsText } from '../../csv/blank-rows.js';
import { listedNumbers } from '../../csv/dialect.js';
import { planParts } from '../../csv/plan-parts.js';
import type { RejectedRows } from '../stage/stage-plan-types.js';

export interface RowsToSend {
  path: FileRef;
  names: string[];
  dialect: Pick<Dialect, 'delimiter' | 'lineEnding' | 'dataStart'>;
  plan: PartPlan;
  /** Why the source's own bytes are not sent. */
  rewritten?: string;
  /** If rewritten: number of cells in the source's header. */
  headerWidth?: number;
  /** Reports what is left out of the source. */
  warnings: Finding[];
}

/** A checked source, and how its rows are to be sent. */
export interface CheckedSource {
  opened: OpenSource;
  checked: Preflight;
  /** Folder for copies. */
  work: string;
  input: PlanLoadInput;
  step: ActivityRun;
}

/** The source itself if its bytes can be sent; otherwise an equivalent copy. */
export async function rowsToSend({ opened, checked, work, input, step }: CheckedSource): Promise<RowsToSend> {
  const { path: source, dialect } = opened;
  const { columns, constants, externalIdFieldName } = checked;
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
    // With row checks, ragged rows are rejected one by one.
    const width = input.checkRows || input.skipBadRows ? 0 : names.length;
    const plan = await cut({ path: source, dialect, names, width, leaveOutBlank: true }, input.partMaxBytes, step);
    // The header line is generated, so only the data's line breaks count.
    const lineEnding = plan.lineBreaks === 'none' ? dialect.lineEnding : plan.lineBreaks;
    // How the platform treats blank lines is undocumented, so they are not sent.
    if (plan.blankBytes > 0) why = plan.blankRows.rows > 0 ? 'blank rows are left out' : 'blank lines are left out';
    else if (plan.loneCr) why = 'cells with carriage returns are quoted';
    else if (lineEnding === 'mixed') why = 'line endings are mixed';
    else if ((input.lineEnding ?? lineEnding) !== lineEnding) why = 'line endings are changed';
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
  // A unique name: an earlier attempt that lost its server may still be writing.
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
          ? `Column ${numbers} has no name and no values, so it is not sent.`
          : `Columns ${numbers} have no name and no values, so they are not sent.`,
    });
  }
  return found;
}

/** Blank rows are left out of a source only; every row of a rewritten copy stands for a source row. */
export function isSource({ rewritten }: RowsToSend): boolean {
  return rewritten === undefined;
}

interface RowsToCut extends Pick<PlanOptions, 'width' | 'leaveOutBlank'> {
  path: FileRef;
  dialect: Pick<Dialect, 'delimiter' | 'dataStart'>;
  names: string[];
}

export function cut(
  { path, dialect, names, ...how }: RowsToCut,
  partMaxBytes: number,
  step: ActivityRun,
): Promise<PartPlan> {
  const header = headerBytes(names, dialect.delimiter, 'CRLF').length;
  return planParts(scanRange(path, dialect.dataStart, undefined, step.signal), {
    delimiter: dialect.delimiter,
    base: dialect.dataStart,
    maxBytes: Math.max(1, partMaxBytes - header),
    ...how,
    onProgress: (bytes) => (step.bytes = bytes),
  });
}

export interface PreparedRows {
  rows: RowsToSend;
  rejected?: RejectedRows;
}

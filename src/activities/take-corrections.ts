/**
 * Rejected rows that came back corrected: checked against those that wait, taken out of them, and made ready to be sent.
 * Whatever is wrong with the file is refused as a whole; the rows then go on waiting.
 */
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDelete } from '../contract.js';
import { blankRowsText } from '../csv/blank-rows.js';
import { readCell } from '../csv/cells.js';
import { isNameless } from '../csv/dialect.js';
import { headerBytes, isNoteColumn } from '../csv/header.js';
import { planParts } from '../csv/parts.js';
import { titlesOf } from '../csv/titles.js';
import { rewriteCsv } from '../csv/rewrite.js';
import { eachRecordBytes, scanRecords } from '../csv/records.js';
import { NightloadError } from '../errors.js';
import { fingerprint, holding, makeFolder, readRange, saveStream, scanRange } from '../storage/files.js';
import type { ForeignFile } from '../storage/files.js';
import { RowFile } from '../storage/row-file.js';
import { audit } from './audit.js';
import type { ActivityDependencies } from './dependencies.js';
import { permit } from './dependencies.js';
import { landedFiles } from './ended-parts.js';
import { hiddenValues } from './hidden-values.js';
import { openSource } from './open-source.js';
import type { OpenSource } from './open-source.js';
import { NOTES, overtakenKeys } from './last-rows.js';
import { keyFunction } from './source-keys.js';
import { loadPlan, savePlan, shownNames, stageOf } from './stage.js';
import type { KeyRule, StagePlan } from './stage.js';
import { step } from './step.js';
import type { Step } from './step.js';
import type { TakeCorrectionsInput, TakenCorrections } from './types.js';

/** Rows that a refusal names. */
const MOST_NAMED = 5;
const MOST_COLUMNS = 20;

export function takeCorrections(
  dependencies: ActivityDependencies,
): (input: TakeCorrectionsInput) => Promise<TakenCorrections> {
  return step(async (input, step) => {
    const { roots } = dependencies;
    const plan = await loadPlan(roots, roots.ownPathOf(input.stage.uri));
    const folder = roots.ownPathOf(input.nextStageUri);
    await makeFolder(folder);
    const rejected = input.rejected.map((uri) => roots.ownPathOf(uri));
    const succeeded = await landedFiles(roots, input.ended);
    const rows = await asRefusal(async () => {
      const file = await roots.foreignFile(input.source);
      if (input.connection !== undefined) {
        await permit(dependencies, input.connection, { source: input.source, sourcePath: file.path });
      }
      // One that is not there is refused, whoever looks first.
      await fingerprint(file);
      const { maxUnpackedBytes } = dependencies;
      const how = { ...input, succeeded, maxUnpackedBytes };
      return holding(file, (held) => readCorrections(held, plan, rejected, folder, how, step));
    });
    const remaining = await takeOut(rows, plan, rejected, folder, step);
    const stage = rows.plan;
    // After a reset the same number may name another file: what the first one sent must not count as its rows.
    const taken = stage.parts.reduce((sum, { records }) => sum + records, 0);
    if (!input.fromFixer) await audit('correction', dependencies, { name: input.connection, rows: taken });
    const stageFolder = join(folder, contentName(stage));
    await savePlan(stageFolder, stage);
    return {
      rows: taken,
      remaining: remaining.rows,
      ...(rows.left > 0 && { left: rows.left }),
      ...(rows.warnings && { warnings: rows.warnings }),
      ...(remaining.rows > 0 && { rejected: pathToFileURL(remaining.path).href }),
      next: stageOf(stageFolder, stage),
    };
  });
}

function contentName({ parts }: StagePlan): string {
  const hash = createHash('sha256');
  for (const { start, end, crc } of parts) hash.update(`${start}-${end}:${crc};`);
  return hash.digest('hex').slice(0, 16);
}

function refused(message: string): NightloadError {
  return new NightloadError('CORRECTIONS_REFUSED', message);
}

/** What is wrong with a person's file must not end the load. */
async function asRefusal<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (gone) throw refused('The corrected file was deleted or moved while it was read.');
    if (!(error instanceof NightloadError) || error.retryable || error.code === 'CORRECTIONS_REFUSED') throw error;
    const where =
      error.code === 'SOURCE_NOT_FOUND' ? ` It must lie where ${hostname()} sees it, like the load's files.` : '';
    throw refused(`${error.message} (${error.code})${where}`);
  }
}

interface Corrected {
  plan: StagePlan;
  /** Data rows of the corrected file by key, from 1. */
  keys: Map<string, number[]>;
  /** Rows that were left out because a newer one of their key landed. */
  left: number;
  warnings?: string[];
}

async function readCorrections(
  file: ForeignFile,
  plan: StagePlan,
  rejected: readonly string[],
  folder: string,
  input: TakeCorrectionsInput & { succeeded: readonly string[]; maxUnpackedBytes: number | undefined },
  step: Step,
): Promise<Corrected> {
  const { key } = plan;
  if (key === undefined) {
    throw refused(
      'The rows of this load have no key by which corrections could be told apart. Load the corrected rejected file as a load of its own.',
    );
  }
  const opened = await openSource(file, folder, input, step);
  const columns = columnsOf(opened, plan);
  const all = join(folder, `rows-${randomUUID().slice(0, 8)}.csv`);
  const { dialect } = opened;
  const blankRows = { rows: 0, after: 0 };
  await saveStream(
    rewriteCsv(readRange(opened.path, dialect.dataStart), {
      delimiter: dialect.delimiter,
      width: dialect.header.length,
      dataStart: dialect.dataStart,
      columns,
      blankAsNull: input.blankAsNull,
      keys: ['Id', key.column],
      nameless: dialect.header.flatMap((title, index) => (isNameless(title) ? [index] : [])),
      blankRows,
    }),
    all,
    step.signal,
  );
  const keys = await keysOf(all, plan, key, step);
  const { rows, left } = await withoutOvertaken(all, { keys, plan, key, rejected }, folder, input, step);
  await refuseHidden(all, { keys, plan, key, rejected }, input, step);
  const header = headerBytes(plan.names, ',', 'LF').length;
  const cut = await planParts(scanRange(rows, 0, undefined, step.signal), {
    delimiter: ',',
    maxBytes: Math.max(1, input.partMaxBytes - header),
  });
  if (left > 0 && cut.records === 0) throw refused(overtaken(`All ${left} rows of it`, key.column));
  if (cut.records === 0) throw refused('The corrected file has a header line and no rows.');
  return {
    keys,
    left,
    ...(blankRows.rows > 0 && { warnings: [`Corrections: ${blankRowsText(blankRows)}`] }),
    plan: {
      rows,
      fingerprint: await fingerprint(rows),
      delimiter: ',',
      lineEnding: 'LF',
      names: plan.names,
      parts: cut.parts,
      groups: [
        {
          // An insert stays one: a rejected row has not landed, and a record that has its key is somebody else's.
          operation: input.operation,
          ...(input.operation === 'upsert' && { externalIdFieldName: key.column }),
          firstPart: 1,
          lastPart: cut.parts.length,
        },
      ],
      key,
      ...(plan.original && { original: plan.original }),
      ...(plan.parent !== undefined && { parent: plan.parent }),
      ...(plan.lengths && { lengths: plan.lengths }),
    },
  };
}

/** Columns of the load in its own order, found in the corrected file. */
function columnsOf({ dialect }: OpenSource, plan: StagePlan): { index: number; name: string }[] {
  const titles = dialect.header.map((title) => title.trim().toLowerCase());
  const shown = shownNames(plan);
  const known = new Set(shown.map((name) => name.toLowerCase()));
  const isKnown = (title: string): boolean => isNoteColumn(title) || isNameless(title) || known.has(title);
  const unknown = dialect.header.filter((_, i) => !isKnown(titles[i] ?? ''));
  if (unknown.length > 0) {
    // The first line of a file without a header is a row.
    const known = titlesOf(dialect.header, (title) => isKnown(title.trim().toLowerCase()));
    const places = dialect.header.flatMap((title, i) =>
      isKnown(titles[i] ?? '') ? [] : [known.shows(title) ? title : `column ${i + 1}`],
    );
    throw refused(
      `The corrected file has columns that the load does not have: ${listOf(places)}. The load has: ${listOf(shown)}.` +
        (known.isHeader ? '' : ' Look whether its first line is a header line.'),
    );
  }
  return plan.names.map((name) => {
    const index = titles.indexOf(name.toLowerCase());
    if (index === -1)
      throw refused(
        `The corrected file has no column ${name}. It needs all columns of the rejected file; sf__Id and sf__Error may be missing.`,
      );
    if (titles.includes(name.toLowerCase(), index + 1))
      throw refused(`The corrected file has the column ${name} twice.`);
    return { index, name };
  });
}

function listOf(names: readonly string[]): string {
  const more = names.length - MOST_COLUMNS;
  return `${names.slice(0, MOST_COLUMNS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

async function keysOf(path: string, plan: StagePlan, key: KeyRule, step: Step): Promise<Map<string, number[]>> {
  const of = keyFunction(key);
  const column = plan.names.indexOf(key.column);
  const keys = new Map<string, number[]>();
  let row = 0;
  const blank: number[] = [];
  await scanRecords(readRange(path, 0, undefined, step.signal), { delimiter: ',' }, (record) => {
    row++;
    const value = of(readCell(record, column, ','));
    if (value === undefined) return void blank.push(row);
    const rows = keys.get(value);
    if (rows === undefined) keys.set(value, [row]);
    else rows.push(row);
  });
  if (blank.length > 0) {
    throw refused(
      `${rowList(blank)} of the corrected file ${blank.length === 1 ? 'has' : 'have'} no ${key.column}, so it cannot be told which rejected row is meant.`,
    );
  }
  return keys;
}

/** Blank cells that nobody blanked are not sent. */
async function refuseHidden(
  corrected: string,
  { keys, ...found }: Pick<Corrected, 'keys' | 'plan'> & { key: KeyRule; rejected: readonly string[] },
  { operation, blankAsNull }: TakeCorrectionsInput,
  { signal }: Step,
): Promise<void> {
  if (isDelete(operation)) return;
  const hidden = await hiddenValues({ ...found, corrected, keys: new Set(keys.keys()), blankAsNull, signal });
  const rows = [...hidden.keys()].flatMap((value) => keys.get(value) ?? []).sort((a, b) => a - b);
  if (rows.length === 0) return;
  const columns = [...new Set([...hidden.values()].flatMap((some) => [...some]))].sort((a, b) => a - b);
  throw refused(
    `${rowList(rows)} of the corrected file: blank as in the rejected file, but filled in the source: ` +
      `${columns.map((column) => found.plan.names[column]).join(', ')}. Salesforce's result file may not show the values. ` +
      `Take them from the source${blankAsNull ? '' : ', or write #N/A where a field is meant to be blank'}.`,
  );
}

/** A person is told of corrections that would cost newer values; of those of a program the others are taken. */
async function withoutOvertaken(
  path: string,
  { keys, ...found }: Pick<Corrected, 'keys' | 'plan'> & { key: KeyRule; rejected: readonly string[] },
  folder: string,
  { operation, succeeded, fromFixer }: TakeCorrectionsInput & { succeeded: readonly string[] },
  { signal }: Step,
): Promise<{ rows: string; left: number }> {
  // Of two deletes none is newer. A corrected insert that is locked is retried as an upsert.
  if (isDelete(operation)) return { rows: path, left: 0 };
  const { plan, key } = found;
  const late = await overtakenKeys({ ...found, keys: new Set(keys.keys()), succeeded, signal });
  const rows = [...late].flatMap((value) => keys.get(value) ?? []).sort((a, b) => a - b);
  if (rows.length === 0) return { rows: path, left: 0 };
  if (!fromFixer) throw refused(overtaken(`${rowList(rows)} of the corrected file`, key.column));
  for (const value of late) keys.delete(value);
  const of = keyFunction(key);
  const column = plan.names.indexOf(key.column);
  const rest = new RowFile(join(folder, `rows-${randomUUID().slice(0, 8)}.csv`), Buffer.alloc(0));
  try {
    for await (const record of eachRecordBytes(readRange(path, 0, undefined, signal), { delimiter: ',' })) {
      if (!late.has(of(readCell(record, column, ',')) ?? '')) await rest.add(record);
    }
  } finally {
    await rest.close();
  }
  if (rest.rows === 0) await saveStream((async function* () {})(), rest.path);
  return { rows: rest.path, left: rows.length };
}

function overtaken(which: string, column: string): string {
  return (
    `${which}: a newer row of the source with the same ${column} landed, or may have, and its values would be lost. ` +
    'Leave the row out, look at the record, and load what is right as a load of its own.'
  );
}

/** Writes the rejected rows for which no correction came. */
async function takeOut(
  { keys }: Corrected,
  plan: StagePlan,
  rejected: readonly string[],
  folder: string,
  step: Step,
): Promise<RowFile> {
  const key = plan.key as KeyRule;
  const of = keyFunction(key);
  const shown = shownNames(plan);
  const column = NOTES + shown.findIndex((name) => name.toLowerCase() === key.column.toLowerCase());
  const header = headerBytes(['sf__Id', 'sf__Error', ...shown], ',', 'LF');
  const unclear = new Set<number>();
  const remaining = new RowFile(join(folder, `waiting-${randomUUID().slice(0, 8)}.csv`), header);
  try {
    for (const path of rejected) {
      let isHeader = true;
      const chunks = readRange(path, 0, undefined, step.signal);
      for await (const record of eachRecordBytes(chunks, { delimiter: ',' })) {
        const value = isHeader ? undefined : of(readCell(record, column, ','));
        const corrected = value === undefined ? undefined : keys.get(value);
        if (corrected === undefined) {
          if (!isHeader) await remaining.add(record);
        } else if ((corrected[0] as number) > 0) {
          // The last one stays, as a negative number: it tells that all are used up.
          const row = corrected.shift() as number;
          if (corrected.length === 0) corrected.push(-row);
        } else unclear.add(-(corrected[0] as number));
        isHeader = false;
      }
    }
  } finally {
    await remaining.close();
  }
  if (unclear.size > 0) {
    throw refused(
      `${rowList([...unclear])} of the corrected file: more rejected rows than that have its ${key.column}, so it cannot be told which of them is meant. ` +
        'Correct all of them, or leave all of them out.',
    );
  }
  const strange = [...keys.values()]
    .flat()
    .filter((row) => row > 0)
    .sort((a, b) => a - b);
  if (strange.length > 0) {
    throw refused(
      `${rowList(strange)} of the corrected file: no rejected row that still waits has this ${key.column}. ` +
        'Only rejected rows are taken, each once; load other rows as a load of their own.',
    );
  }
  return remaining;
}

/** `Data row 3` or `Data rows 3, 4, 5, 6, 7 and 12 more`. */
function rowList(rows: readonly number[]): string {
  const named = rows.slice(0, MOST_NAMED).join(', ');
  const more = rows.length > MOST_NAMED ? ` and ${rows.length - MOST_NAMED} more` : '';
  return `Data row${rows.length === 1 ? '' : 's'} ${named}${more}`;
}

/**
 * `--keep-columns`: writes the rows that landed with all source columns, including unsent ones, and each row's record
 * id, as a load of child records needs them. Rows are joined by key if the match is certain; other rows have the sent
 * columns as Salesforce shows them. Every landed row appears once.
 */
import { readCell, readCells, writeCells } from '../../csv/cells.js';
import { isNameless } from '../../csv/dialect.js';
import { isNoteColumn } from '../../rows/column-mapping.js';
import { resultDelimiter } from '../../rows/result-file.js';
import { readResultRows } from '../../rows/result-rows.js';
import { RecordCounter } from '../../csv/record-counter.js';
import { firstRecord, scanRecords } from '../../csv/records.js';
import { join, uriOf } from '../../storage/locations.js';
import { readHead, readRange, scanRange } from '../../storage/read-files.js';
import { isThere, removeFile } from '../../storage/files/file-tree.js';
import type { ActivityDependencies } from '../dependencies.js';
import { LandedIndex } from './landed-row-index.js';
import { keyHash, LANES } from '../../keys/sip-hash.js';
import { PacedFile } from '../../storage/throttled-writer.js';
import { moveEarlierAside } from './results-folder.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import { landedFiles } from './part-outcomes.js';
import { ownResultFolder } from './results-owner.js';
import { keyFunction } from '../retry/find/source-keys.js';
import { isAsPlanned, loadPlan, sourceChanged } from '../stage/stage-plan.js';
import type { OriginalFile, StagePlan } from '../stage/stage-plan-types.js';
import { runActivity } from '../run-activity.js';
import type { EndedStage } from '../../protocol/activities/ended-parts.js';

export interface KeepColumnsInput {
  /** The first stage of the load. */
  stageUri: string;
  /** All stages of the load: their files hold the rows that landed. */
  ended: EndedStage[];
  /** `file:` URI of the load's folder. */
  outputUri: string;
  /** Run id of the load: an earlier run's files are moved aside. */
  runId: string;
}

export interface KeptColumns {
  /** `file:` URI; absent when no row landed. */
  file?: string;
  rows: number;
  /** Rows of these with all columns of the source. */
  joined: number;
  /** Why some are not joined, as text for people. */
  why?: string;
}

export function keepColumns(dependencies: ActivityDependencies): (input: KeepColumnsInput) => Promise<KeptColumns> {
  return runActivity(async ({ stageUri, ended, outputUri, runId }, { signal }) => {
    const { roots } = dependencies;
    const plan = await loadPlan(roots, roots.ownPathOf(stageUri));
    const paths = await landedFiles(roots, ended);
    const folder = await ownResultFolder(roots, outputUri);
    await moveEarlierAside(folder, runId);
    const landed: string[] = [];
    for (const path of paths) if (await isThere(path)) landed.push(path);
    return joinLanded({
      plan,
      landed,
      path: join(folder, RESULT_NAMES.kept),
      signal,
    });
  });
}

export interface Joining {
  plan: Pick<StagePlan, 'names' | 'delimiter' | 'key' | 'kept' | 'rows'>;
  /** Result files with the rows that landed. */
  landed: readonly string[];
  /** Output path. */
  path: string;
  signal: AbortSignal;
  /** Keys held in memory at a time; with more rows, the source is read more than once. @default 3,000,000 */
  rowsPerPass?: number;
}

/** At most 130 MB of keys and ids. */
const ROWS_PER_PASS = 3_000_000;

export async function joinLanded(joining: Joining): Promise<KeptColumns> {
  const { plan, landed, path, signal } = joining;
  const rows = await countRows(landed, plan.delimiter, signal);
  if (rows === 0) {
    await removeFile(path);
    return { rows: 0, joined: 0 };
  }
  const file = uriOf(path);
  const unjoined = async (why: string): Promise<KeptColumns> => {
    await PacedFile.save(path, signal, (out) => writeSentColumns(out, joining));
    return { file, rows, joined: 0, why };
  };
  const source = await openKept(plan);
  if (typeof source === 'string') return unjoined(source);
  const count = { joined: 0 };
  try {
    await PacedFile.save(path, signal, (out) => writeJoined(out, joining, { source, rows, count }));
  } catch (error) {
    signal.throwIfAborted();
    if (await isAsPlanned(source.path, source.fingerprint)) throw error;
    return unjoined(CHANGED);
  }
  return { file, rows, ...count, ...(count.joined < rows && { why: UNCERTAIN }) };
}

const NO_KEY =
  'The load has no column that identifies rows, and results come back in another order, so the file has the ' +
  'columns that were sent, not those of the source. Specify a unique external id (--external-id) to get them.';
const KEY_NOT_IN_SOURCE = 'The column that identifies rows is not in the source.';
const CHANGED =
  'The source was changed, moved or deleted after the load began, so the file has only the columns that were sent.';
const UNCERTAIN =
  'Some rows have only the columns that were sent: their key is blank or not found in the source, or it occurs more ' +
  'than once and not all of its rows landed.';

interface KeptSource extends OriginalFile {
  /** Index of the key column. */
  key: number;
  keyOf: (cell: string) => string | undefined;
  /** Titles of the written columns. */
  titles: string[];
  places: number[];
}

/** Returns a text if rows cannot be joined. */
async function openKept({ key, kept }: Joining['plan']): Promise<KeptSource | string> {
  if (key === undefined) return NO_KEY;
  if (kept === undefined || !(await isAsPlanned(kept.path, kept.fingerprint))) return CHANGED;
  const column = kept.columns.find(({ name }) => name.toLowerCase() === key.column.toLowerCase());
  if (column === undefined) return KEY_NOT_IN_SOURCE;
  const head = (await readHead(kept.path, kept.dataStart)).toString().replace(/^\uFEFF/, '');
  const bytes = Buffer.from(head);
  const { start, end } = firstRecord(bytes, kept.delimiter) ?? { start: 0, end: 0 };
  const header = readCells(bytes.subarray(start, end), kept.delimiter);
  const isSent = new Set(kept.columns.map(({ index }) => index));
  // Columns of an earlier result file would be mistaken for ours.
  const isOther = (title: string): boolean => isNoteColumn(title) || isNameless(title);
  const places = header.flatMap((title, place) => (isOther(title) && !isSent.has(place) ? [] : [place]));
  const titles = places.map((place) => header[place] as string);
  return { ...kept, key: column.index, keyOf: keyFunction(key), titles, places };
}

async function writeJoined(
  out: PacedFile,
  joining: Joining,
  { source, rows, count }: { source: KeptSource; rows: number; count: { joined: number } },
): Promise<void> {
  const { plan, landed, signal } = joining;
  out.add(line(['sf__Id', 'sf__Created', ...source.titles]));
  const passes = Math.ceil(rows / (joining.rowsPerPass ?? ROWS_PER_PASS));
  const keyAt = plan.names.indexOf(plan.key?.column ?? '');
  const scanSource = (
    visit: (key: string, record: Buffer) => void,
    isNow: (key: string) => boolean,
  ): Promise<unknown> =>
    scanRecords(
      out.pace(readRange(source.path, source.dataStart, undefined, signal)),
      { delimiter: source.delimiter },
      (record) => {
        const key = source.keyOf(readCell(record, source.key, source.delimiter));
        if (key !== undefined && isNow(key)) visit(key, record);
      },
    );
  for (let pass = 0; pass < passes; pass++) {
    const isNow = (key: string): boolean => passes === 1 || shareOf(key, passes) === pass;
    const index = new LandedIndex();
    let inPass = 0;
    for (const path of landed) {
      await eachLanded(path, joining, keyAt, (cell, record, delimiter) => {
        const key = source.keyOf(cell);
        if (key === undefined ? pass > 0 : !isNow(key)) return;
        inPass++;
        if (key !== undefined) index.land(key, readCell(record, 0, delimiter), readCell(record, 1, delimiter));
      });
    }
    await scanSource((key) => index.find(key), isNow);
    const before = count.joined;
    await scanSource((key, record) => {
      const verdict = index.verdict(key);
      if (verdict === undefined) return;
      count.joined++;
      const cells = readCells(record, source.delimiter);
      out.add(line([verdict.id, verdict.created, ...source.places.map((place) => cells[place] ?? '')]));
    }, isNow);
    if (count.joined - before === inPass) continue;
    const isLeft = (key: string | undefined): boolean =>
      key === undefined ? pass === 0 : isNow(key) && index.verdict(key) === undefined;
    await writeLeft(out, joining, source, (cells) => isLeft(source.keyOf(cells[keyAt] ?? '')));
  }
  if (!(await isAsPlanned(source.path, source.fingerprint))) throw sourceChanged(plan as StagePlan);
}

/** Writes rows that are not joined: the sent columns, under the source's titles. */
async function writeLeft(
  out: PacedFile,
  joining: Joining,
  source: KeptSource,
  isLeft: (cells: readonly string[]) => boolean,
): Promise<void> {
  // Of several columns with one name, the first counts.
  const places = new Map([...joining.plan.names.entries()].reverse().map(([at, name]) => [name.toLowerCase(), at]));
  const titles = new Map([...source.columns].reverse().map(({ index, name }) => [index, name.toLowerCase()]));
  const sentAt = source.places.map((place) => places.get(titles.get(place) ?? '') ?? -1);
  for await (const { id, note, cells } of landedRows(joining)) {
    if (isLeft(cells)) out.add(line([id, note, ...sentAt.map((at) => cells[at] ?? '')]));
    if (out.isFull) await out.room();
  }
}

/** Without the source: writes the columns of the result files. */
async function writeSentColumns(out: PacedFile, joining: Joining): Promise<void> {
  out.add(line(['sf__Id', 'sf__Created', ...joining.plan.names]));
  for await (const { id, note, cells } of landedRows(joining)) {
    out.add(line([id, note, ...cells]));
    if (out.isFull) await out.room();
  }
}

async function* landedRows({ plan, landed, signal }: Joining): ReturnType<typeof readResultRows> {
  for (const path of landed) {
    const delimiter = resultDelimiter(await readHead(path, 4096), 'sf__Id', plan.delimiter);
    yield* readResultRows(readRange(path, 0, undefined, signal), delimiter, plan.names);
  }
}

/** Yields the key cell and the row for each row of a result file. */
async function eachLanded(
  path: string,
  { plan, signal }: Joining,
  keyAt: number,
  visit: (key: string, record: Buffer, delimiter: string) => void,
): Promise<void> {
  const delimiter = resultDelimiter(await readHead(path, 4096), 'sf__Id', plan.delimiter);
  let at: number | undefined;
  await scanRecords(readRange(path, 0, undefined, signal), { delimiter }, (record) => {
    if (at !== undefined) return visit(at === -1 ? '' : readCell(record, at, delimiter), record, delimiter);
    const header = readCells(record, delimiter).map((name) => name.toLowerCase());
    const named = header.indexOf(plan.names[keyAt]?.toLowerCase() ?? '', OWN_COLUMNS);
    at = named === -1 && header.length === OWN_COLUMNS + plan.names.length ? OWN_COLUMNS + keyAt : named;
  });
}

/** `sf__Id` and `sf__Created`. */
const OWN_COLUMNS = 2;

async function countRows(
  paths: readonly string[],
  uploaded: StagePlan['delimiter'],
  signal: AbortSignal,
): Promise<number> {
  let rows = 0;
  for (const path of paths) {
    const counter = new RecordCounter(resultDelimiter(await readHead(path, 4096), 'sf__Id', uploaded));
    for await (const chunk of scanRange(path, 0, undefined, signal)) counter.push(chunk);
    rows += Math.max(0, counter.finish().records - 1);
  }
  return rows;
}

/** One for all passes over the source: they are in one attempt, so in one process. */
const SHARE_HASH = keyHash();
const LANE = new Int32Array(LANES);

/** The pass, of the given number, that handles a key. */
function shareOf(key: string, passes: number): number {
  SHARE_HASH(key, LANE);
  return ((LANE[2] as number) >>> 0) % passes;
}

function line(cells: readonly string[]): string {
  return writeCells(cells, ',', 'LF');
}

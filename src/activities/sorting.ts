/** The sorting itself, in passes over the result files and, where rows must be told by key, one over the source. */
import { existsSync } from 'node:fs';
import type { LoadError, Operation } from '../contract.js';
import { readCell, readCells } from '../csv/cells.js';
import { keyNormaliser } from '../csv/keys.js';
import { readResultRows, resultDelimiter } from '../csv/results.js';
import type { ResultRow } from '../csv/results.js';
import { classify, mayPassUnchanged, parseRowError } from '../csv/row-errors.js';
import type { RowClass } from '../csv/row-errors.js';
import { scanRecords } from '../csv/scanner.js';
import { readHead, readRange, readRanges } from '../storage/files.js';
import { KeyIndex } from './key-index.js';
import type { SortedFiles } from './sorted-files.js';
import { partFiles, rangeOf } from './stage.js';
import type { StagePlan } from './stage.js';
import type { PartOutcome } from './types.js';

export interface Sorting {
  plan: StagePlan;
  stageFolder: string;
  /** Parts that did not simply land; all others did. */
  outcomes: PartOutcome[];
  operation: Operation;
  final: boolean;
  files: SortedFiles;
  signal: AbortSignal;
}

/** Position of the key column and how its values are compared. */
interface Key {
  column: number;
  of: (cells: readonly string[]) => string | undefined;
}

export async function sortStage(sorting: Sorting): Promise<{ stop?: LoadError }> {
  const { plan, outcomes, final } = sorting;
  const key = keyOf(plan);
  const index = new KeyIndex();
  const loaded = outcomes.filter(({ kind }) => kind === 'loaded');
  for (const { part } of outcomes.filter(({ kind }) => kind === 'notStarted')) await leaveWhole(sorting, part);
  if (key !== undefined && sorting.operation !== 'insert') {
    for (const outcome of loaded) if (outcome.missing > 0) await wantMissing(sorting, outcome.part, key, index);
  }
  if (!final && key !== undefined) await wantRetried(sorting, loaded, key, index);
  if (key !== undefined && index.size > 0) await findInSource(sorting, key, index);
  const ended = await endFailed(sorting, loaded, key, index);

  const { files } = sorting;
  for await (const record of readRanges(plan.rows, index.sourceRanges())) {
    if (final) await files.leaveUnprocessed(readCells(record, plan.delimiter));
    else await files.sendBytesAgain(record);
  }
  files.keyedBytes = files.next.bytes;
  if (!final && (ended.loose || index.needsResults)) await takeFromResults(sorting, loaded, key, index);
  return ended.stop === undefined ? {} : { stop: ended.stop };
}

function keyOf(plan: StagePlan): Key | undefined {
  if (plan.key === undefined) return undefined;
  const { column, type, caseSensitive } = plan.key;
  const position = plan.names.indexOf(column);
  const normalise = keyNormaliser(
    column.toLowerCase() === 'id'
      ? { type: 'id', caseSensitive: true }
      : type === undefined
        ? undefined
        : { type, caseSensitive: caseSensitive ?? false },
  );
  return { column: position, of: (cells) => normalise(cells[position] ?? '') };
}

type Kind = 'succeeded' | 'failed' | 'unprocessed';

async function* resultRows(
  { plan, stageFolder, signal }: Sorting,
  part: number,
  kind: Kind,
): AsyncGenerator<ResultRow> {
  const path = partFiles(stageFolder, part)[kind];
  if (!existsSync(path)) return;
  const first = kind === 'unprocessed' ? (plan.names[0] as string) : 'sf__Id';
  const delimiter = resultDelimiter(await readHead(path, 4096), first, plan.delimiter);
  yield* readResultRows(readRange(path, 0, undefined, signal), delimiter, plan.names);
}

function classOf(row: ResultRow): RowClass {
  return classify(parseRowError(row.note));
}

/** No row of this part can have been applied. */
async function leaveWhole({ plan, files, signal }: Sorting, part: number): Promise<void> {
  const { start, end } = rangeOf(plan, part);
  let rows: string[][] = [];
  const write = async (): Promise<void> => {
    for (const cells of rows) await files.leaveUnprocessed(cells);
    rows = [];
  };
  // Written between two chunks, so that a part is never held whole.
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of readRange(plan.rows, start, end, signal) as AsyncIterable<Buffer>) {
      yield chunk;
      await write();
    }
  }
  await scanRecords(chunks(), { delimiter: plan.delimiter }, (record) => {
    rows.push(readCells(record, plan.delimiter));
  });
  await write();
}

/** Rows that no result file names: those whose key is in none of the three. */
async function wantMissing(sorting: Sorting, part: number, key: Key, index: KeyIndex): Promise<void> {
  const named = new Set<string>();
  for (const kind of ['succeeded', 'failed', 'unprocessed'] as const) {
    for await (const row of resultRows(sorting, part, kind)) {
      const value = key.of(row.cells);
      if (value !== undefined) named.add(value);
    }
  }
  await eachSourceKey(sorting, key, part, (value) => {
    if (!named.has(value)) index.want(value);
  });
}

async function wantRetried(sorting: Sorting, loaded: PartOutcome[], key: Key, index: KeyIndex): Promise<void> {
  for (const { part } of loaded) {
    for (const kind of ['failed', 'unprocessed'] as const) {
      for await (const row of resultRows(sorting, part, kind)) {
        const value = key.of(row.cells);
        if (value !== undefined && (kind === 'unprocessed' || mayPassUnchanged(classOf(row)))) index.want(value);
      }
    }
  }
}

async function findInSource(sorting: Sorting, key: Key, index: KeyIndex): Promise<void> {
  for (let part = 1; part <= sorting.plan.parts.length; part++) {
    await eachSourceKey(sorting, key, part, (value, start, end) => index.find(value, start, end));
  }
}

async function eachSourceKey(
  { plan, signal }: Sorting,
  key: Key,
  part: number,
  visit: (value: string, start: number, end: number) => void,
): Promise<void> {
  const { start, end } = rangeOf(plan, part);
  const cells: string[] = new Array<string>(plan.names.length).fill('');
  await scanRecords(
    readRange(plan.rows, start, end, signal),
    { delimiter: plan.delimiter, base: start },
    (record, from, to) => {
      cells[key.column] = readCell(record, key.column, plan.delimiter);
      const value = key.of(cells);
      if (value !== undefined) visit(value, from, to);
    },
  );
}

/** Failed rows that are not sent again, and at the end all that is left. */
async function endFailed(
  sorting: Sorting,
  loaded: PartOutcome[],
  key: Key | undefined,
  index: KeyIndex,
): Promise<{ loose: boolean; stop?: LoadError }> {
  const { files, final, operation, plan } = sorting;
  const rejections = new Rejections(sorting, key);
  let loose = false;
  let stop: LoadError | undefined;
  for (const { part } of loaded) {
    for await (const row of resultRows(sorting, part, 'failed')) {
      const rowClass = classOf(row);
      const value = key?.of(row.cells);
      if (rowClass === 'stop') {
        stop ??= {
          code: parseRowError(row.note).code ?? 'STOPPED',
          message: `The platform stopped taking rows: ${row.note}`,
        };
      }
      if (rowClass === 'already-done' && operation === 'delete') {
        await files.acceptAsDone(row);
      } else if (!final && mayPassUnchanged(rowClass)) {
        loose ||= value === undefined;
        continue;
      } else {
        await rejections.add(row.id, row.note, row.cells);
      }
      if (value !== undefined) index.refuse(value);
    }
    for await (const row of resultRows(sorting, part, 'unprocessed')) {
      if (final) await files.leaveUnprocessed(row.cells);
      else loose ||= plan.key === undefined || key?.of(row.cells) === undefined;
    }
  }
  await rejections.finish();
  return stop === undefined ? { loose } : { loose, stop };
}

/** Rows whose source row cannot be told with certainty: the result file's values are sent, or the row is rejected. */
async function takeFromResults(
  sorting: Sorting,
  loaded: PartOutcome[],
  key: Key | undefined,
  index: KeyIndex,
): Promise<void> {
  const { files, plan } = sorting;
  const rejections = new Rejections(sorting, key);
  for (const { part } of loaded) {
    for (const kind of ['failed', 'unprocessed'] as const) {
      for await (const row of resultRows(sorting, part, kind)) {
        if (kind === 'failed' && !mayPassUnchanged(classOf(row))) continue;
        const value = key?.of(row.cells);
        const verdict = value === undefined ? 'result' : index.verdict(value);
        if (verdict === 'source') continue;
        if (verdict === 'result') {
          await files.sendValuesAgain(row.cells);
          if (kind === 'failed') files.rerendered++;
        } else {
          const column = plan.key?.column ?? 'Id';
          const first = row.note === '' ? '' : ` This one failed with: ${row.note}`;
          await rejections.add(
            row.id,
            `DUPLICATE_KEY_IN_FILE:Another row with the same ${column} was loaded, and which of them is newer cannot be told.${first}:${column} --`,
            row.cells,
          );
        }
      }
    }
  }
  await rejections.finish();
}

/** Rejected rows; those of a delete, which sent ids only, get their other columns back from the file. */
class Rejections {
  readonly #sorting: Sorting;
  readonly #key: Key | undefined;
  readonly #waiting = new Map<string, { id: string; error: string; cells: readonly string[] }[]>();

  constructor(sorting: Sorting, key: Key | undefined) {
    this.#sorting = sorting;
    this.#key = key;
  }

  async add(id: string, error: string, cells: readonly string[]): Promise<void> {
    const { files, plan } = this.#sorting;
    if (plan.original === undefined) return files.reject(id, error, cells);
    const value = this.#key?.of(cells) ?? '';
    const rows = this.#waiting.get(value);
    if (rows === undefined) this.#waiting.set(value, [{ id, error, cells }]);
    else rows.push({ id, error, cells });
  }

  async finish(): Promise<void> {
    const { files, plan, signal } = this.#sorting;
    const { original } = plan;
    if (original === undefined || this.#waiting.size === 0) return;
    const idColumn = original.columns.findIndex(({ name }) => name.toLowerCase() === 'id');
    const found: { id: string; error: string; cells: string[] }[] = [];
    await scanRecords(
      readRange(original.path, original.dataStart, undefined, signal),
      { delimiter: original.delimiter },
      (record) => {
        const cells = readCells(record, original.delimiter);
        const shown = original.columns.map(({ index }) => cells[index] ?? '');
        const row = this.#waiting.get(this.#key?.of([shown[idColumn] ?? '']) ?? '')?.shift();
        if (row !== undefined) found.push({ ...row, cells: shown });
      },
    );
    for (const row of found) await files.reject(row.id, row.error, row.cells);
    for (const rows of this.#waiting.values()) {
      for (const row of rows) {
        await files.reject(
          row.id,
          row.error,
          original.columns.map((_, i) => (i === idColumn ? (row.cells[0] ?? '') : '')),
        );
      }
    }
    this.#waiting.clear();
  }
}

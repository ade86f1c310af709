/** Result files read many rows at a time, compared with the strict parser, and with one record after the other. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultBatches } from '../../../../src/activities/retry/read-result-rows.js';
import type { HashedRows, ResultFileKind } from '../../../../src/activities/retry/read-result-rows.js';
import { partFiles } from '../../../../src/activities/stage/stage-plan.js';
import type { StagePlan } from '../../../../src/activities/stage/stage-plan-types.js';
import { KeyTable } from '../../../../src/keys/key-table.js';
import { keyNormalizer } from '../../../../src/keys/normalize-key.js';
import { KeyScan } from '../../../../src/keys/wasm/key-scan.js';
import { resultDelimiter } from '../../../../src/rows/result-file.js';
import { readResultRows, readUnprocessedRows } from '../../../../src/rows/result-rows.js';
import type { ResultRow } from '../../../../src/rows/result-rows.js';

const NAMES = ['Key__c', 'Name', 'Note'];
const field = { type: 'string', caseSensitive: false };
const normalize = keyNormalizer(field);
const plan = { names: NAMES, delimiter: ',' } as StagePlan;
const { signal } = new AbortController();

let stageFolder: string;
beforeAll(async () => {
  stageFolder = await mkdtemp(join(tmpdir(), 'nightload-results-'));
  await mkdir(partFiles(stageFolder, 1).folder, { recursive: true });
});
afterAll(() => rm(stageFolder, { recursive: true, force: true }));

type Plain = Pick<ResultRow, 'id' | 'note' | 'cells' | 'complete'>;

interface Outcome {
  rows: Plain[];
  error?: string;
}

async function collect(batches: AsyncIterable<readonly ResultRow[]>): Promise<Outcome> {
  const rows: Plain[] = [];
  try {
    for await (const batch of batches) {
      for (const { id, note, cells, complete } of batch) rows.push({ id, note, cells, complete });
    }
    return { rows };
  } catch (error) {
    // Which rows come before an error is a matter of buffers.
    return { rows: [], error: String((error as Error).message) };
  }
}

async function* one(rows: AsyncIterable<ResultRow>): AsyncGenerator<ResultRow[]> {
  for await (const row of rows) yield [row];
}

function strictly(bytes: Buffer, kind: ResultFileKind): Promise<Outcome> {
  const isUnprocessed = kind === 'unprocessed';
  const delimiter = resultDelimiter(bytes.subarray(0, 4096), isUnprocessed ? 'Key__c' : 'sf__Id', ',');
  const read = isUnprocessed ? readUnprocessedRows : readResultRows;
  return collect(one(read(Readable.from([bytes]), delimiter, NAMES)));
}

async function expectSame(bytes: Buffer, kind: ResultFileKind): Promise<void> {
  await writeFile(partFiles(stageFolder, 1)[kind], bytes);
  const expected = await strictly(bytes, kind);
  expect(await collect(resultBatches({ plan, stageFolder, signal }, 1, kind))).toEqual(expected);

  // The same with keys that are hashed: then the other rows are returned.
  const table = new KeyTable();
  const scan = new KeyScan({ secret: table.secret as Uint8Array, form: 'lowerCase', keys: 10 });
  let hashed = 0;
  const handled: HashedRows = {
    scan,
    task: 'add',
    column: 0,
    prefix: () => (kind === 'failed' ? 'LOCKED:' : ''),
    onHash: (at) => {
      hashed++;
      table.addHash(scan.words, at);
    },
  };
  const others = await collect(resultBatches({ plan, stageFolder, signal }, 1, kind, handled));
  expect(others.error).toBe(expected.error);
  if (expected.error !== undefined) return;
  expect(others.rows.length + hashed).toBe(expected.rows.length);
  for (const { cells } of others.rows) {
    const key = normalize(cells[0] as string);
    if (key !== undefined) table.add(key);
  }
  const keys = expected.rows.map(({ cells }) => normalize(cells[0] as string)).filter((key) => key !== undefined);
  expect(table.size).toBe(new Set(keys).size);
  expect(keys.every((key) => table.numberOf(key) !== -1)).toBe(true);
}

const text = fc.oneof(
  fc.constantFrom('LOCKED:x:--', 'LOCKED:a "b", c', 'LOCKED', 'lOCKED:x', '', 'K', '\u212A', '\uFEFF', '#N/A', ' '),
  fc.nat(40).map((n) => `Ext-${n}`),
  fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r\n', 'a', 'B'), maxLength: 5 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const kinds = fc.constantFrom<ResultFileKind>('succeeded', 'failed', 'unprocessed');

function file(kind: ResultFileKind, lineEnd: string, rows: string[][], header: string[]): string {
  const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
  const names =
    kind === 'unprocessed' ? header : ['sf__Id', kind === 'failed' ? 'sf__Error' : 'sf__Created', ...header];
  return [names, ...rows].map((cells) => cells.map(quoted).join(',')).join(lineEnd);
}

const fileOf = fc.tuple(
  kinds,
  fc.constantFrom('\n', '\r\n'),
  fc.array(fc.array(text, { minLength: 1, maxLength: 6 }), { maxLength: 60, size: 'max' }),
  fc.constantFrom(NAMES, ['key__C', 'Note', 'name'], ['Other', 'x', 'y'], ['Name', 'Key__c'], ['Name']),
);

describe('resultBatches', () => {
  it('reads well-formed files as the strict parser', async () => {
    await fc.assert(
      fc.asyncProperty(
        fileOf,
        fc.constantFrom('', '\n', '\r\n', '\n\n', '\r', '\n\r'),
        async ([kind, ...rest], end) => {
          await expectSame(Buffer.from(file(kind, ...rest) + end), kind);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('reads and refuses broken files as the strict parser', async () => {
    const broken = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(3),
      fc.constantFrom('"', '\r', 'x', ',', '\n', ''),
    );
    await fc.assert(
      fc.asyncProperty(fileOf, fc.array(broken, { minLength: 1, maxLength: 3 }), async ([kind, ...rest], breaks) => {
        let bytes = file(kind, ...rest);
        for (const [where, removed, put] of breaks) {
          const at = Math.floor(where * bytes.length);
          bytes = bytes.slice(0, at) + put + bytes.slice(at + removed);
        }
        await expectSame(Buffer.from(bytes), kind);
      }),
      { numRuns: 200 },
    );
  });

  const rows = (count: number, from = 0): string[][] =>
    Array.from({ length: count }, (_, n) => ['', 'LOCKED:x:--', `EXT-${from + n}`, 'n'.repeat(90), '']);
  const long = (cells: number): string[] => ['', 'LOCKED:x:--', 'EXT-1', ...Array<string>(cells - 3).fill('')];

  it.each<[string, string]>([
    ['rows over the borders of reads', file('failed', '\n', rows(30_000), NAMES)],
    ['a stray quote after many rows', `${file('failed', '\n', rows(25_000), NAMES)}\n"a"b,"c"\n`],
    ['a lone carriage return after many rows', `${file('failed', '\n', [...rows(25_000), ['a\rb', 'c']], NAMES)}\n`],
    ['a quote that is never closed', `${file('failed', '\n', rows(5_000), NAMES)}\n"a,b\n`],
    ['as many cells as a row may have', file('failed', '\n', [...rows(900), long(40_001), ...rows(9)], NAMES)],
    ['as many unquoted cells', `${file('failed', '\n', rows(900), NAMES)}\nx${','.repeat(40_000)}\nx\n`],
    ['a cell too many', `${file('failed', '\n', rows(900), NAMES)}\nx${','.repeat(40_001)}\nx\n`],
    ['a long row', file('failed', '\n', [...rows(900), ['', 'LOCKED:x', 'x'.repeat(300_000)], ...rows(9)], NAMES)],
    [
      'a very long row',
      file('failed', '\n', [...rows(900), ['', 'LOCKED:x', 'x'.repeat(3_000_000)], ...rows(9)], NAMES),
    ],
    ['UTF-16', `\uFEFF${file('failed', '\n', rows(900), NAMES)}`],
    ['nothing', ''],
    ['a header', file('failed', '\n', [], NAMES)],
  ])('is the same with %s', { timeout: 60_000 }, async (name, bytes) => {
    await expectSame(Buffer.from(bytes, name === 'UTF-16' ? 'utf16le' : 'utf8'), 'failed');
  });

  it('refuses a row larger than any that was sent', { timeout: 60_000 }, async () => {
    const bytes = Buffer.from(file('failed', '\n', [...rows(90), ['', 'LOCKED:x', 'x'.repeat(16_100_000)]], NAMES));
    await expectSame(bytes, 'failed');
    expect(await strictly(bytes, 'failed')).toHaveProperty('error');
  });
});

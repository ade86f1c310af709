/** The scan of many keys at a time, compared with one record after the other: `readCell`, `keyNormalizer`, `keyHash`. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCell } from '../../../src/csv/cells.js';
import { RecordRuns } from '../../../src/csv/record-runs.js';
import type { RecordRun } from '../../../src/runtime/record-run.js';
import { scanRecords } from '../../../src/csv/records.js';
import { KeyTable } from '../../../src/keys/key-table.js';
import { keyForm, keyNormalizer } from '../../../src/keys/normalize-key.js';
import type { KeyField } from '../../../src/keys/normalize-key.js';
import { LANES } from '../../../src/keys/sip-hash.js';
import { KeyScan } from '../../../src/keys/wasm/key-scan.js';
import type { KeyTask } from '../../../src/keys/wasm/key-scan.js';

const FIELDS: (KeyField | undefined)[] = [
  undefined,
  { type: 'string', caseSensitive: true },
  { type: 'string', caseSensitive: false },
  { type: 'id', caseSensitive: true },
  { type: 'double', caseSensitive: false },
];

const plain = fc.string({
  unit: fc.constantFrom(...'abcXYZ@[`{019._-+ #/'.split('')),
  maxLength: 40,
});
const text = fc.oneof(
  { weight: 6, arbitrary: plain },
  { weight: 3, arbitrary: fc.nat(2_000).map((n) => `EXT-${n}`) },
  { weight: 3, arbitrary: fc.nat(2_000).map(String) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.nat(16), fc.constantFrom('', '.0', '.00', '.5', 'e2', ' '))
      .map(([n, zeros, end]) => `${n}${'0'.repeat(zeros)}${end}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '001000000000001',
      '001000000000001AAA',
      '001000000000001AA ',
      ' 001000000000001AAA',
      '001000000000001AAÄ',
      '#N/A',
      '#n/a',
      '#1',
      '',
      ' ',
      '  x',
      '0',
      '00',
      '007',
      '.0',
      '1.0',
      '10.0',
      '-10',
      'K',
      '\u212A',
      'İ',
      'ä',
      'Ä',
      'x\u00a0',
      'A'.repeat(16),
      'a'.repeat(16),
      'a'.repeat(17),
      'b'.repeat(255),
      'b'.repeat(256),
      'B'.repeat(300),
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.string({
      unit: fc.constantFrom('"', ',', ';', '\n', '\r\n', '\r', 'a', 'B', '\0', '\t'),
      maxLength: 6,
    }),
  },
);
/** Cells as bytes of a file: quoted where they must be, and some others; those of a broken file are not always. */
const cell = (delimiter: string, isBroken: boolean) =>
  fc.tuple(text, fc.integer({ min: isBroken ? 0 : 2, max: 20 })).map(([value, how]) => {
    if (how === 0) return value;
    const must = ['"', delimiter, '\n', '\r'].some((special) => value.includes(special));
    return must || how < 8 ? `"${value.replaceAll('"', '""')}"${how === 1 ? 'x' : ''}` : value;
  });

const file = fc
  .record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    lineEnd: fc.constantFrom('\n', '\n', '\r\n'),
    isBroken: fc.boolean(),
  })
  .chain(({ delimiter, lineEnd, isBroken }) =>
    fc.record({
      delimiter: fc.constant(delimiter),
      column: fc.nat(3),
      field: fc.constantFrom(...FIELDS),
      bytes: fc
        .tuple(
          fc.array(fc.array(cell(delimiter, isBroken), { minLength: 1, maxLength: 5 }), {
            minLength: 1,
            maxLength: 80,
            size: 'max',
          }),
          fc.boolean(),
          fc.nat(3),
        )
        .map(([rows, isEnded, times]) => {
          const lines = rows.map((cells) => cells.join(delimiter)).join(lineEnd);
          return Buffer.from(
            Array<string>(times + 1)
              .fill(lines)
              .join(lineEnd) + (isEnded ? lineEnd : ''),
          );
        }),
      sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.constant(100_000)), {
        minLength: 1,
        maxLength: 5,
      }),
      isInPlace: fc.boolean(),
    }),
  );

type File = typeof file extends fc.Arbitrary<infer T> ? T : never;

interface Row {
  key: string | undefined;
  bytes: string;
}

/** One record after the other. */
async function reference({ bytes, delimiter, column, field }: File): Promise<Row[]> {
  const normalize = keyNormalizer(field);
  const rows: Row[] = [];
  await scanRecords(once(bytes), { delimiter }, (record) => {
    rows.push({ key: normalize(readCell(record, column, delimiter)), bytes: record.toString('latin1') });
  }).catch(() => undefined);
  return rows;
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  await Promise.resolve();
  yield bytes;
}

/** As a reader fills two buffers in turn. */
async function* chunksOf({ bytes, sizes, isInPlace }: File, scan: KeyScan): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    await Promise.resolve();
    const chunk = bytes.subarray(at, at + (sizes[turn % sizes.length] as number));
    at += chunk.length;
    if (!isInPlace) {
      yield chunk;
      continue;
    }
    const buffer = scan.buffers[turn % 2] as Buffer;
    buffer.fill('",\n');
    yield buffer.subarray(0, chunk.copy(buffer));
  }
}

/** A row that the scan reports: with the hash of its key, or as it is. */
interface Reported {
  bytes: string;
  hash?: Int32Array;
}

async function scanned(source: File, scan: KeyScan, task: KeyTask, prefix?: string): Promise<Reported[]> {
  const { delimiter, column } = source;
  scan.use({ column, delimiter, ...(prefix !== undefined && { prefix }) });
  const rows: Reported[] = [];
  const onRun = (run: RecordRun): void =>
    scan.scan(task, run, ({ start, end, hashAt }) => {
      const bytes = run.bytes.toString('latin1', start, end);
      rows.push(hashAt === undefined ? { bytes } : { bytes, hash: scan.words.slice(hashAt, hashAt + LANES) });
    });
  const onRecord = (record: Buffer): void => void rows.push({ bytes: record.toString('latin1') });
  const runs = new RecordRuns({ delimiter, buffers: scan.buffers }, { onRun, onRecord });
  try {
    for await (const _ of runs.pieces(chunksOf(source, scan)));
  } catch {
    // The last quote is not closed: the reference has the rows before, too.
  }
  return rows;
}

function scanFor({ field }: File, table: KeyTable, keys = 100): KeyScan {
  return new KeyScan({ secret: table.secret as Uint8Array, form: keyForm(field), keys });
}

function numberOf({ field, column, delimiter }: File, table: KeyTable, { bytes, hash }: Reported): number {
  if (hash !== undefined) return table.numberOfHash(hash, 0);
  const key = keyNormalizer(field)(readCell(Buffer.from(bytes, 'latin1'), column, delimiter));
  return key === undefined ? -1 : table.numberOf(key);
}

describe('KeyScan', () => {
  it('finds the same rows as a check of each of them', async () => {
    let hashed = 0;
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: 1, max: 7 }), async (source, each) => {
        const rows = await reference(source);
        const table = new KeyTable();
        const scan = scanFor(source, table);
        const wanted = new Set<string>();
        for (const [n, { key }] of rows.entries()) {
          if (key === undefined || n % each !== 0) continue;
          wanted.add(key);
          table.add(key);
          scan.add(key);
        }
        const reported = await scanned(source, scan, 'find');
        hashed += reported.filter(({ hash }) => hash !== undefined).length;
        expect(reported.filter((row) => numberOf(source, table, row) !== -1).map(({ bytes }) => bytes)).toEqual(
          rows.filter(({ key }) => key !== undefined && wanted.has(key)).map(({ bytes }) => bytes),
        );
      }),
      { numRuns: 120 },
    );
    expect(hashed).toBeGreaterThan(300);
  });

  it.each(['hash', 'add'] as const)('gives each key the hash of its text (%s)', async (task) => {
    await fc.assert(
      fc.asyncProperty(file, async (source) => {
        const rows = await reference(source);
        const table = new KeyTable();
        for (const { key } of rows) if (key !== undefined) table.add(key);
        const reported = await scanned(source, scanFor(source, table), task);
        const expected = rows.map(({ key, bytes }) => ({
          bytes,
          number: key === undefined ? -1 : table.numberOf(key),
        }));
        const found = reported.map((row) => ({ bytes: row.bytes, number: numberOf(source, table, row) }));
        const isKeyed = ({ number }: { number: number }): boolean => number !== -1;
        expect(found.filter(isKeyed)).toEqual(expected.filter(isKeyed));
        // Rows without a key are left out, or returned as they are.
        if (task === 'add') expect(found).toEqual(expected);
        const hashed = reported.filter(({ hash }) => hash !== undefined);
        expect(hashed.filter((row) => numberOf(source, table, row) === -1)).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });

  it('finds keys again that another file added', async () => {
    await fc.assert(
      fc.asyncProperty(file, file, async (first, other) => {
        const table = new KeyTable();
        const scan = scanFor(first, table);
        for (const row of await scanned(first, scan, 'add')) {
          const key = keyNormalizer(first.field)(
            readCell(Buffer.from(row.bytes, 'latin1'), first.column, first.delimiter),
          );
          if (row.hash !== undefined) table.addHash(row.hash, 0);
          else if (key !== undefined) {
            table.add(key);
            scan.add(key);
          }
        }
        const source = { ...other, field: first.field };
        const wanted = new Set((await reference(first)).map(({ key }) => key));
        const found = (await scanned(source, scan, 'find')).filter((row) => numberOf(source, table, row) !== -1);
        const expected = (await reference(source)).filter(({ key }) => key !== undefined && wanted.has(key));
        expect(found.map(({ bytes }) => bytes)).toEqual(expected.map(({ bytes }) => bytes));
      }),
      { numRuns: 120 },
    );
  });

  it('checks only rows with a plain key, and with the prefix in their second cell', async () => {
    const prefix = 'EXT:';
    await fc.assert(
      fc.asyncProperty(file, fc.boolean(), async (source, hasPrefix) => {
        const { column, delimiter, field } = source;
        const bytes = Buffer.from(source.bytes.toString().replaceAll('EXT-', 'EXT:'));
        const changed = { ...source, bytes };
        const left = await scanned(changed, scanFor(source, new KeyTable()), 'check', hasPrefix ? prefix : undefined);
        expect(left.every(({ hash }) => hash === undefined)).toBe(true);
        // Each of the others has a key, and the prefix.
        const rest = left.map((row) => row.bytes);
        for (const row of await reference(changed)) {
          if (rest[0] === row.bytes) {
            rest.shift();
            continue;
          }
          expect(row.key).toBeDefined();
          const second = readCell(Buffer.from(row.bytes, 'latin1'), 1, delimiter);
          if (hasPrefix) expect(second.startsWith(prefix)).toBe(true);
          expect([column, field]).toBeDefined();
        }
        expect(rest).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });

  it('lets few other rows pass', async () => {
    const table = new KeyTable();
    const source: File = {
      delimiter: ',',
      column: 0,
      field: { type: 'string', caseSensitive: false },
      bytes: Buffer.from(Array.from({ length: 50_000 }, (_, n) => `Ext-${n},x\n`).join('')),
      sizes: [1_000_000],
      isInPlace: true,
    };
    const scan = scanFor(source, table, 10_000);
    for (let n = 0; n < 10_000; n++) scan.add(`ext-${n}`);
    const passed = (await scanned(source, scan, 'find')).length;
    expect(passed).toBeGreaterThanOrEqual(10_000);
    expect(passed).toBeLessThan(14_000);
  });
});

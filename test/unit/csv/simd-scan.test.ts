import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeInstance, WINDOW } from '../../../src/csv/simd/instance.js';
import { takeReadBuffers } from '../../../src/runtime/wasm-memory.js';
import type { WasmInstance } from '../../../src/csv/simd/instance.js';
import { SOURCE_SHA256 } from '../../../src/csv/simd/simd-scan-wasm.js';
import { SOURCE_SHA256 as KEYS_SHA256 } from '../../../src/keys/wasm/key-scan-wasm.js';
import { Scanner } from '../../../src/csv/scanner.js';
import type { LineRun } from '../../../src/csv/scanner-types.js';
import { ReferenceScanner } from '../../helpers/reference-scanner.js';

interface Found {
  /** For each record: its offsets, and the scanner's state when it reports it. */
  told: number[];
  lf: boolean;
  crlf: boolean;
  stray: unknown;
  ragged: unknown;
  /** The record with the unclosed quote. */
  open: number | undefined;
  recordStart: number;
}

const BASE = 1_000;

function found(Kind: typeof Scanner | typeof ReferenceScanner, chunks: Buffer[], delimiter: string, width: number) {
  const told: number[] = [];
  const onRecord = (start: number, end: number): void =>
    void told.push(start, end, scanner.records, scanner.recordStart, scanner.ragged?.cells ?? 0);
  const scanner: Scanner | ReferenceScanner =
    Kind === Scanner
      ? new Scanner(delimiter, BASE, onRecord, { width })
      : new ReferenceScanner(delimiter, BASE, onRecord, width);
  for (const chunk of chunks) scanner.push(chunk);
  const { recordStart } = scanner;
  const open = scanner.finish();
  const { strayQuote: stray, ragged, lf, crlf, loneCr } = scanner;
  return { found: { told, lf, crlf, stray, ragged, open, recordStart } satisfies Found, loneCr };
}

const [memory] = takeReadBuffers();

/** The same bytes where the scan reads them in place, if there is room, and at any alignment. */
function inPlace(bytes: Buffer): Buffer {
  const at = bytes.length % 61;
  if (at + bytes.length > memory.length) return bytes;
  memory.set(bytes, at);
  return memory.subarray(at, at + bytes.length);
}

function inChunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] as number;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Many records at once, if they are wanted, are those that are reported one by one. */
function compareRuns(chunks: Buffer[], delimiter: string, width: number, { told, ...rest }: Found): void {
  let at = 0;
  const wrong: number[] = [];
  const take = (start: number, end: number, count: number): void => {
    if (told[at] !== start || told[at + 5 * (count - 1) + 1] !== end) wrong.push(at);
    at += 5 * count;
  };
  const onRun = ({ start, end, count }: LineRun): boolean => {
    if (end % 3 === 0) return false;
    take(start, end, count);
    return true;
  };
  const scanner = new Scanner(delimiter, BASE, (start, end) => take(start, end, 1), { width, onRun });
  for (const chunk of chunks) scanner.push(chunk);
  const { recordStart } = scanner;
  const open = scanner.finish();
  const { strayQuote: stray, ragged, lf, crlf, records } = scanner;
  expect({ lf, crlf, stray, ragged, open, recordStart }).toEqual(rest);
  expect({ wrong, records, at }).toEqual({ wrong: [], records: told.length / 5, at: told.length });
}

/** @param sizes of the chunks, repeated */
function compare(bytes: Buffer, sizes: readonly number[], delimiter = ',', width = 0): void {
  const chunks = inChunks(bytes, sizes);
  const now = found(Scanner, chunks, delimiter, width);
  const { told, ...rest } = found(ReferenceScanner, chunks, delimiter, width).found;
  expect({ ...now.found, told: now.found.told.length }).toEqual({ ...rest, told: told.length });
  // Not a matcher, which would take minutes for millions of numbers.
  if (now.found.told.some((one, n) => one !== told[n])) expect(now.found.told).toEqual(told);
  compareRuns(inChunks(inPlace(bytes), sizes), delimiter, width, now.found);
  // The reference stops checking once it has seen both kinds of line break, so the ends of chunks make a difference.
  expect(now.loneCr).toBe(/\r[^\n]/.test(bytes.toString('latin1')));
}

/** Numbers in [0, below), the same ones for the same seed: fast enough for texts of thousands of pieces. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const ODD = [
  '"',
  '"',
  '""',
  ',',
  ',',
  '\n',
  '\r\n',
  '\r',
  'a',
  ' ',
  '","',
  '"\n"',
  ';',
  'é',
  '€',
  '\0',
  'x'.repeat(40),
];
const FAULTS = ['"', '\r', '\n', '\n\n', '\r\n\r\n', ',', '" ', '""', 'a"', '"a', '\r\r\n', ',"', '",', '"\r'];

/** Random pieces. */
function oddText(next: (below: number) => number, length: number): string {
  let text = '';
  while (text.length < length) text += ODD[next(ODD.length)] as string;
  return text;
}

/** Rows as in real files, with `faults` pieces inserted anywhere. */
function rowsText(next: (below: number) => number, length: number, delimiter: string, faults: number): string {
  const style = next(4);
  const longest = [3, 12, 40, 200][next(4)] as number;
  const width = 1 + next(6);
  const lineEnd = style === 1 ? '\r\n' : '\n';
  const inner = [delimiter, '""', '\n', '\r\n', '\r', ' '];
  let text = '';
  while (text.length < length) {
    const cells = Array.from({ length: width }, () => {
      const word = 'abcdefghij'.repeat(20).slice(0, next(longest + 1));
      if (next(4) < style) return `"${word}${next(3) === 0 ? (inner[next(inner.length)] as string) : ''}${word}"`;
      return word;
    });
    text += cells.join(delimiter) + lineEnd;
  }
  for (let n = 0; n < faults; n++) {
    const at = next(text.length);
    text = text.slice(0, at) + (FAULTS[next(FAULTS.length)] as string) + text.slice(at);
  }
  return text;
}

const seed = fc.integer();
const delimiter = fc.constantFrom(',', ';', '\t', '|', '^', '`', 'é', '€');
const width = fc.nat({ max: 6 });

describe('the scanner in blocks finds the same as one search after the other', () => {
  it('in short texts of random pieces, in chunks from one byte on', () => {
    const text = fc.array(fc.constantFrom(...ODD), { maxLength: 40 }).map((pieces) => pieces.join(''));
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(text, sizes, width, (odd, some, cells) => compare(Buffer.from(odd), some, ',', cells)),
      { numRuns: 20_000 },
    );
  });

  it('in texts of some blocks, of rows with a few faults, at any alignment', () => {
    const sizes = fc.array(fc.integer({ min: 200, max: 900 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(seed, sizes, delimiter, width, fc.nat({ max: 3 }), (start, some, mark, cells, faults) => {
        const next = numbers(start);
        const text = 'x'.repeat(next(70)) + rowsText(next, 256 + next(1_500), mark, faults);
        compare(Buffer.from(`skipped${text}`, mark === 'é' ? 'latin1' : 'utf8').subarray(7), some, mark, cells);
      }),
      { numRuns: 20_000 },
    );
  });

  it('in texts of some blocks of random pieces', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(seed, sizes, width, (start, some, cells) => {
        const next = numbers(start);
        compare(Buffer.from(oddText(next, 256 + next(1_000))), some, ',', cells);
      }),
      { numRuns: 10_000 },
    );
  });

  it('for each byte that matters at each position of a block, in quotes and not', () => {
    for (const around of ['a', ',', '"', '\n', '\r', '""']) {
      for (const odd of ['"', '\n', '\r', '\r\n', ',', '""', '"\n', '",', ',"', '\n"', '"a', 'a"', '\n\n', '\n\r\n']) {
        for (let at = 0; at < 140; at++) {
          const text = `${around}${'b'.repeat(at)}${odd}${'c'.repeat(140 - at)}${around}\n`;
          compare(Buffer.from(text.repeat(3)), [4_096], ',', 2);
        }
      }
    }
  });

  it('across the borders of windows', () => {
    fc.assert(
      fc.property(seed, fc.nat({ max: 2 }), width, (start, faults, cells) => {
        const next = numbers(start);
        let text = rowsText(next, 2 * WINDOW + next(WINDOW), ',', faults);
        for (const border of [WINDOW, 2 * WINDOW]) {
          const at = border - 3 + next(6);
          text = text.slice(0, at) + (FAULTS[next(FAULTS.length)] as string) + text.slice(at);
        }
        compare(Buffer.from(text), [text.length, 1 + next(200_000)], ',', cells);
      }),
      { numRuns: 60 },
    );
  });

  it('in windows of line endings only, quotes only, or neither', () => {
    for (const piece of ['\n', '\r\n', '\r', '"', '""\n', ',', 'a', 'a\n', '"\n']) {
      for (const before of ['', 'a', '"', ',']) compare(Buffer.from(before + piece.repeat(70_000)), [200_000], ',', 1);
    }
  });
});

describe('the one memory', () => {
  const rows = Buffer.from('a,"b\n",c\n'.repeat(1_000));
  const count = (): number => {
    const scanner = new Scanner(',', 0, () => undefined);
    scanner.push(rows);
    scanner.finish();
    return scanner.records;
  };

  it('is not changed by a scan in a callback', () => {
    let inner = 0;
    const ends: number[] = [];
    const scanner = new Scanner(',', 0, (_start, end) => {
      ends.push(end);
      inner += count();
    });
    scanner.push(rows.subarray(0, 900));
    expect(ends).toEqual(Array.from({ length: 100 }, (_, n) => 9 * (n + 1)));
    expect(inner).toBe(100_000);
  });

  it('is free again after a callback that threw', () => {
    const scanner = new Scanner(',', 0, () => {
      throw new Error('enough');
    });
    expect(() => scanner.push(rows)).toThrow('enough');
    const instance = freeInstance(rows);
    expect(instance).toBeDefined();
    // Without it, the result is the same.
    (instance as WasmInstance).isTaken = true;
    expect(count()).toBe(1_000);
    (instance as WasmInstance).isTaken = false;
    expect(count()).toBe(1_000);
  });
});

describe.each([
  ['marks.wat', 'src/csv/simd/simd-scan-wasm.ts', SOURCE_SHA256],
  ['keys.wat', 'src/keys/wasm/key-scan-wasm.ts', KEYS_SHA256],
])('the compiled module of scripts/wasm/%s', (name, file, sha256) => {
  const build = new URL('../../../scripts/wasm/build.mjs', import.meta.url);
  const hasCompiler = (): boolean => {
    try {
      return createRequire(build).resolve('wabt') !== '';
    } catch {
      return false;
    }
  };

  it('is generated from the current source', async () => {
    const wat = await readFile(new URL(name, build));
    expect(sha256, 'run node scripts/wasm/build.mjs').toBe(createHash('sha256').update(wat).digest('hex'));
  });

  it.skipIf(!hasCompiler())("is the compiler's output", async () => {
    const { generated } = (await import(build.href)) as { generated: (name: string) => Promise<string> };
    expect(await generated(name)).toBe(await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8'));
  });
});

/** Ranges of a file: their bytes, and how much is in memory at a time. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRanges, scanRange } from '../../../src/storage/read-files.js';

const SIZE = 5_000_000;
const bytes = Buffer.alloc(SIZE);
let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-ranges-'));
  path = join(folder, 'rows');
  let state = 1;
  for (let at = 0; at < SIZE; at++) bytes[at] = state = ((state * 75 + 74) % 65_537) & 0xff;
  for (let at = 0; at + 4 <= SIZE; at += 512) bytes.writeUInt32LE(at, at);
  await writeFile(path, bytes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Range = { start: number; end: number };

async function expectRead(ranges: Iterable<Range>): Promise<void> {
  const expected = [...ranges];
  let n = 0;
  for await (const piece of readRanges(path, expected)) {
    const { start, end } = expected[n++] as Range;
    expect(piece.equals(bytes.subarray(start, end))).toBe(true);
  }
  expect(n).toBe(expected.length);
}

it('returns the bytes of each range, adjacent or far apart, small or larger than a read', async () => {
  const step = fc.tuple(
    fc.oneof(fc.constant(0), fc.nat(200), fc.constantFrom(65_535, 65_536, 65_537), fc.nat(900_000)),
    fc.oneof(
      { weight: 8, arbitrary: fc.nat(300) },
      fc.constantFrom(1_048_575, 1_048_576, 1_048_577),
      fc.nat(1_300_000),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const ranges: Range[] = [];
      let at = 0;
      for (const [gap, length] of steps) {
        if (at + gap + length > SIZE) continue;
        ranges.push({ start: at + gap, end: at + gap + length });
        at += gap + length;
      }
      await expectRead(ranges);
    }),
    { numRuns: 200 },
  );
});

it('also returns ranges that overlap or go back', async () => {
  await expectRead([
    { start: 100, end: 200 },
    { start: 150, end: 160 },
    { start: 0, end: 120 },
    { start: 4_000_000, end: 4_000_010 },
    { start: 10, end: 20 },
  ]);
});

it('reads ranges only as far as one read reaches', async () => {
  let taken = 0;
  const rows = function* (): Generator<Range> {
    for (let start = 0; start < SIZE; start += 1000) {
      taken++;
      yield { start, end: start + 900 };
    }
  };
  let given = 0;
  for await (const piece of readRanges(path, rows())) {
    given++;
    expect(piece.length).toBe(900);
    expect(taken - given).toBeLessThan(1_100);
    expect(piece.buffer.byteLength).toBeLessThanOrEqual(1024 * 1024);
  }
  expect(given).toBe(5_000);
});

it('does not open the file for no ranges, and reports when it has become shorter', async () => {
  for await (const piece of readRanges(join(folder, 'gone'), [])) expect(piece).toBeUndefined();
  const read = async (): Promise<void> => {
    for await (const piece of readRanges(path, [{ start: SIZE - 10, end: SIZE + 1 }])) expect(piece).toBeUndefined();
  };
  await expect(read()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
});

it('stops when its step is canceled', async () => {
  const cancel = new AbortController();
  const read = async (): Promise<number> => {
    let given = 0;
    const far = [0, 1, 2, 3].map((n) => ({ start: n * 1_000_000, end: n * 1_000_000 + 10 }));
    for await (const piece of readRanges(path, far, cancel.signal)) {
      given += piece.length;
      cancel.abort(new Error('cancelled'));
    }
    return given;
  };
  await expect(read()).rejects.toThrow('cancelled');
});

it('returns a range chunk by chunk from two buffers, whatever its length', async () => {
  const at = fc.oneof(fc.nat(SIZE), fc.constantFrom(0, 1, 262_143, 262_144, 262_145, 524_288, SIZE - 1, SIZE));
  await fc.assert(
    fc.asyncProperty(at, at, async (start, end) => {
      const pieces: Buffer[] = [];
      const memory = new Set<number>();
      for await (const piece of scanRange(path, start, end)) {
        memory.add(piece.byteOffset);
        // While it is processed, it does not change.
        await new Promise(setImmediate);
        pieces.push(Buffer.from(piece));
      }
      expect(Buffer.concat(pieces).equals(bytes.subarray(start, Math.max(start, end)))).toBe(true);
      expect(memory.size).toBeLessThanOrEqual(2);
    }),
    { numRuns: 100 },
  );
  const all: Buffer[] = [];
  for await (const piece of scanRange(path, 7)) all.push(Buffer.from(piece));
  expect(Buffer.concat(all).equals(bytes.subarray(7))).toBe(true);
});

it('gives readers at the same time different buffers, and later ones the same', async () => {
  const read = async (start: number): Promise<ArrayBufferLike> => {
    const pieces: Buffer[] = [];
    let memory: ArrayBufferLike = bytes.buffer;
    for await (const piece of scanRange(path, start)) {
      await new Promise(setImmediate);
      memory = piece.buffer;
      pieces.push(Buffer.from(piece));
    }
    expect(Buffer.concat(pieces).equals(bytes.subarray(start))).toBe(true);
    return memory;
  };
  const first = await Promise.all([read(0), read(1), read(2)]);
  expect(new Set(first).size).toBe(3);
  const stopped = scanRange(path, 0);
  await stopped.next();
  await stopped.return(undefined);
  expect(first).toContain(await read(3));
});

it('reports a missing file when it is awaited, and stops at a signal', async () => {
  await expect(scanRange(join(folder, 'none'), 0).next()).rejects.toMatchObject({ code: 'ENOENT' });
  const stop = new AbortController();
  const pieces = scanRange(path, 0, undefined, stop.signal);
  await pieces.next();
  stop.abort();
  await expect(pieces.next()).rejects.toMatchObject({ name: 'AbortError' });
});

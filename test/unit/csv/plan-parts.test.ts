import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planParts } from '../../../src/csv/plan-parts.js';
import type { PlanOptions } from '../../../src/csv/plan-parts.js';
import { takeReadBuffers } from '../../../src/runtime/wasm-memory.js';

const READ_BUFFERS = takeReadBuffers();

/** @param inTurn whether two buffers are filled in turn, as when a file is scanned */
async function* chunksOf(bytes: Buffer, size: number, inTurn: boolean): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; at += size, turn ^= 1) {
    await Promise.resolve();
    const chunk = bytes.subarray(at, at + size);
    const buffer = READ_BUFFERS[turn as 0 | 1];
    if (inTurn) chunk.copy(buffer);
    yield inTurn ? buffer.subarray(0, chunk.length) : chunk;
  }
}

/** The plan, or the error. */
async function outcome(chunks: AsyncIterable<Buffer>, options: PlanOptions): Promise<unknown> {
  return planParts(chunks, options).catch((error: unknown) => String(error));
}

/** Lines of three cells, with a few oddities anywhere. Only one of them is an error: which is found first may differ. */
const place = fc.nat({ max: 60_000 });
const HARMLESS = ['\n', ',,\n', '"","",""\n', '\r\n', '\r', 'é'];
const ERRORS = ['a,b\n', 'a"b', '\0', ',', '"', `x,"${'y'.repeat(140_000)}",z\n`];
const rows = fc.record({
  line: fc.constantFrom('a,b,c\n', '"a","b, ""c""","d"\r\n', 'Account,"line\nbreak",€\n', ',,x\n'),
  count: place,
  oddities: fc.oneof(
    fc.array(fc.tuple(place, fc.constantFrom(...HARMLESS)), { maxLength: 3 }),
    fc.array(fc.tuple(place, fc.constantFrom(...ERRORS)), { maxLength: 1 }),
  ),
});

function bytesOf({ line, count, oddities }: { line: string; count: number; oddities: [number, string][] }): Buffer {
  const lines = Array<string>(count).fill(line);
  for (const [at, text] of oddities) lines.splice(at, 0, text);
  return Buffer.from(lines.join(''));
}

it('is the same whatever the size of the chunks, and wherever they are', async () => {
  const options = fc.record({
    delimiter: fc.constant(','),
    base: fc.constantFrom(0, 17),
    maxBytes: fc.constantFrom(1_000, 150_000, 1_000_000),
    maxRecords: fc.constantFrom(Infinity, 10_000, 999),
    width: fc.constantFrom(0, 3),
    leaveOutBlank: fc.boolean(),
  });
  const size = fc.oneof(fc.integer({ min: 60_000, max: 200_000 }), fc.constant(1024 * 1024));
  await fc.assert(
    fc.asyncProperty(rows, options, size, fc.boolean(), async (odd, how, large, inTurn) => {
      const bytes = bytesOf(odd);
      // So few bytes at a time are scanned one by one.
      const expected = await outcome(chunksOf(bytes, 255, false), how);
      expect(await outcome(chunksOf(bytes, large, inTurn), how)).toEqual(expected);
    }),
    { numRuns: 150 },
  );
}, 120_000);

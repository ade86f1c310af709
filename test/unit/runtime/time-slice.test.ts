import { describe, expect, test } from 'vitest';
import { inSlices } from '../../../src/runtime/time-slice.js';

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  await Promise.resolve();
  yield bytes;
}

describe('work in slices', () => {
  test('loses no byte and copies none', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));
    const pieces: Buffer[] = [];
    for await (const piece of inSlices(once(bytes))) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect(pieces.every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
  });

  test('lets other work run in the middle of a chunk', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for await (const piece of inSlices(once(Buffer.alloc(1_000_000)))) {
      const end = performance.now() + 3;
      while (performance.now() < end) expect(piece.length).toBeGreaterThan(0);
    }
    clearInterval(timer);
    // 61 pieces of 3 ms: about nine breaks.
    expect(turns).toBeGreaterThan(3);
  });
});

import { crc32 as plainCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32 } from '../../../src/csv/simd/crc32.js';
import { freeInstance } from '../../../src/csv/simd/instance.js';
import { takeReadBuffers } from '../../../src/runtime/wasm-memory.js';

const [inPlace] = takeReadBuffers();
const elsewhere = Buffer.alloc(inPlace.length);
for (let at = 0, state = 1; at < inPlace.length; at++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
  inPlace[at] = elsewhere[at] = state >>> 16;
}

it('is the CRC-32 of the bytes, of any length, wherever they are and whatever came before', () => {
  const length = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 20_000 }), fc.nat({ max: 1_000_000 }));
  fc.assert(
    fc.property(
      fc.constantFrom(inPlace, elsewhere),
      fc.nat({ max: 99 }),
      length,
      fc.integer(),
      (bytes, at, size, so) => {
        const some = bytes.subarray(at, at + size);
        expect(crc32(some, so >>> 0)).toBe(plainCrc32(some, so >>> 0));
      },
    ),
    { numRuns: 2_000 },
  );
});

it('is the same around the limits of its steps', () => {
  for (const limit of [16_384, 65_536, 131_072]) {
    for (let size = limit - 70; size < limit + 70; size++) {
      expect(crc32(elsewhere.subarray(3, 3 + size))).toBe(plainCrc32(elsewhere.subarray(3, 3 + size)));
    }
  }
});

it('is the same during a scan', () => {
  for (const bytes of [inPlace, elsewhere]) {
    const instance = freeInstance(bytes);
    if (instance === undefined) throw new Error('taken');
    instance.isTaken = true;
    expect(crc32(bytes)).toBe(plainCrc32(bytes));
    instance.isTaken = false;
  }
});

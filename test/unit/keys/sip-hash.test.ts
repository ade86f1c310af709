import { describe, expect, it } from 'vitest';
import { FirstRows } from '../../../src/keys/first-occurrences.js';
import { KeySet } from '../../../src/keys/key-set.js';
import { KeyTable } from '../../../src/keys/key-table.js';
import { keyHash, LANES } from '../../../src/keys/sip-hash.js';
import type { KeyHash } from '../../../src/keys/sip-hash.js';

/**
 * `vectors_sip128` of the authors' implementation (github.com/veorq/SipHash, vectors.h): the bytes 00, 01, 02, … as many
 * as the place in that list, with the key 00 to 0f. Texts have whole code units, so only even numbers of bytes: 0, 2, …
 */
const VECTORS = [
  'a3817f04ba25a8e66df67214c7550293',
  '8177228da4a45dc7fca38bdef60affe4',
  'f88164c12d9c8faf7d0f6e7c7bcd5579',
  '14eeca338b208613485ea0308fd7a15e',
  '3b62a9ba6258f5610f83e264f31497b4',
  '00110dc378146956c95447d3f3d0fbba',
  'd626b266905ef35882634df68532c125',
  '31fcefac66d7de9c7ec7485fe4494902',
  '6ee2a4ca67b054bbfd3315bf85230577',
  'a426e5e423bf4885294da481feaef723',
  '9e25fc833f2290733e9344a5e83839eb',
  '4a29b54552d16b9a469c10528eff0aae',
  '2db479ae78bd50d8882a8a178a6132ad',
  '9c0b53b4b3c307e87eaee08678141f66',
  '0664da1668574b88b935f3027358aef4',
  'ea5c7f471faf6bde2b1ad7d4686d2287',
  '7c3956ca5eeafc3e363e9d556546eb68',
  '37a6986cb8847edf0925f0f1309b54de',
  '3dc47d1f29c448461e9e76ed904f6711',
  '8c03468bca7c669ee4fd5e084bbee7b5',
  'df6a301e95c95dad97ae0cc8c6913bd8',
  'e617346ac9c231bb3650ae34ccca0c5b',
  '89237d9ded9c5e78d8b1c9b166cc7342',
  '0e33f96055e7ae893ffc0e3dcf492902',
  'f7e5aef549f782cf379055a608269b16',
  'a590d3ee4fbf04e3247e0d27f286423f',
  '2c97325cbd06b36eb2133dd08b3a017c',
  'dce850110bd8328cfbd50841d6911d87',
  '1938f2cf72d54ee97e94166fa91d2a36',
  '57fca5de98a9d6d8006438d0583d8a1d',
  'e3040c00eb28f15366ca73cbd872e740',
  '5853542321f567a005d547a4f04759bd',
];

const SECRET = Uint8Array.from({ length: 16 }, (_, n) => n);

function lanesOf(hash: KeyHash, key: string): Int32Array {
  const lanes = new Int32Array(LANES);
  hash(key, lanes);
  return lanes;
}

function hexOf(hash: KeyHash, key: string): string {
  const bytes = Buffer.alloc(16);
  lanesOf(hash, key).forEach((lane, n) => bytes.writeInt32LE(lane, 4 * n));
  return bytes.toString('hex');
}

describe('the hash of a key', () => {
  it('is SipHash-2-4 with 128 bits', () => {
    const bytes = Buffer.from(Array.from({ length: 64 }, (_, n) => n));
    const hash = keyHash(SECRET);
    expect(VECTORS.map((_, n) => hexOf(hash, bytes.toString('utf16le', 0, 2 * n)))).toEqual(VECTORS);
  });

  // By the same implementation, of the text in UTF-16 with the low byte first.
  it.each([
    ['0013000001AbCdEAAU', '19269ce999ceb39a51afdf34a0b65fab'],
    ['Größe 日本 😀', '5e30aa28c96ed935a60fe8b8f8d1c379'],
    ['x'.repeat(127), 'af3bfd27626d00b544dbd12b38957292'],
    ['x'.repeat(128), 'bfc25e3c7dd1d5250a8abac360faf2c8'],
    ['x'.repeat(129), '18b9f8c93a9f2e3d6f4558bfd3e498d6'],
    ['ab'.repeat(1000), 'fb69e4791ba10aea8eebce868ceedec3'],
  ])('is that too for %j', (key, expected) => {
    expect(hexOf(keyHash(SECRET), key)).toBe(expected);
  });

  it('takes its secret from anywhere in a buffer, and keeps it', () => {
    const buffer = Uint8Array.from({ length: 40 }, (_, n) => n - 5);
    const hash = keyHash(buffer.subarray(5, 21));
    buffer.fill(0);
    expect(hexOf(hash, '')).toBe(VECTORS[0]);
  });

  it('is another one each time, unless the secret is given', () => {
    expect(hexOf(keyHash(), 'ACC-1')).not.toBe(hexOf(keyHash(), 'ACC-1'));
  });
});

/** Pairs of keys with the same MurmurHash3 (x86, 128 bits), whatever its seed: somebody had made the second ones. */
describe('keys that were made to share an unkeyed hash', () => {
  const TWINS = [
    [
      '\ubaff\u501b\u9386\ub245\uc6ec\u43d5\u45c5\u454a\u6ab6\uc2b8\u87eb\u9e07\uc793\u5b2a\u895e\u8f43',
      '\u89f4\ub10c\u9386\ub245\uc6ec\u43d5\u6044\u8235\u6ab6\u6ea5\u87eb\u9e07\uc793\u5b2a\u895e\u8f43',
    ],
    [
      '\u3807\ucda8\uc84f\u8950\u720a\ub10a\u7d04\u94d5\u5279\u8bef\u5f96\ucb17\u7294\u8776\uccf9\u918e',
      '\u6912\u6cb7\uc84f\u8950\u720a\ub10a\ud783\u3f19\u5279\u37dc\u5f96\ucb17\u7294\u8776\uccf9\u918e',
    ],
    [
      '\u7cde\u66ca\u9940\u3c8e\u41d3\u54cb\u9116\u48b6\u5158\u9cb7\u9e04\u355e\u6128\u4446\u84fb\u7b80',
      '\u4bd3\uc7bb\u9940\u3c8e\u41d3\u54cb\u3697\u9e72\u5158\u48a4\u9e04\u355e\u6128\u4446\u84fb\u7b80',
    ],
    ['89a09e56-cd0a-4474-a02e-c140dcbdea80', '\ucf2d\ub903a09e\u5ab4\uaa7a-\u5476d0a-4474-a02e-c140dcbdea80'],
    ['25583433-c874-4b5e-9662-56b878d53207', '25583433\ucf22\u6153874-\u5ab3\uaaa65\uac52-9662-56b878d53207'],
    ['46aff140-9072-4f55-bf5b-0685e878da53', '46aff140\ucf22\u6129072-\ua5b5\u56215\uac22-bf5b-0685e878da53'],
    ['95c09ff2-3621-49ae-b21d-f75cf64a352d', '\ucf2e\u6125c09f\u5ae5\uaa76-\u5446621-49ae-b21d-f75cf64a352d'],
  ] as const;

  it.each(TWINS)('%j and %j share no part of a hash', (one, other) => {
    for (const hash of [keyHash(), keyHash()]) {
      const lanes = lanesOf(hash, other);
      expect(lanesOf(hash, one).filter((lane, n) => lane === lanes[n])).toEqual(new Int32Array());
    }
  });

  it('are two keys in each table', () => {
    const firstRows = new FirstRows();
    const set = new KeySet();
    const table = new KeyTable();
    for (const [n, [one, other]] of TWINS.entries()) {
      expect([firstRows.add(one, 2 * n + 1), firstRows.add(other, 2 * n + 2)]).toEqual([undefined, undefined]);
      set.add(one);
      expect(set.has(other)).toBe(false);
      expect([table.add(one), table.add(other)]).toEqual([2 * n, 2 * n + 1]);
    }
  });
});

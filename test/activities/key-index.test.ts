/** The index of keys against a plain map, with tables that grow from a few slots and hashes that collide on purpose. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyHash, LANES } from '../../src/activities/key-hash.js';
import type { KeyHash } from '../../src/activities/key-hash.js';
import { KeyIndex } from '../../src/activities/key-index.js';
import type { Verdict } from '../../src/activities/key-index.js';
import { RowList } from '../../src/activities/key-lists.js';
import type { KeyedRow } from '../../src/activities/key-lists.js';
import { KeySet } from '../../src/activities/key-set.js';
import { KeyTable } from '../../src/activities/key-table.js';

function lanesOf(hash: KeyHash, key: string): number[] {
  const lanes = new Int32Array(LANES);
  hash(key, lanes);
  return [...lanes].map((lane) => lane >>> 0);
}

describe('hashes of keys', () => {
  // From mmh3 5.3.1 for Python: hash_bytes(key.encode('utf-16-le'), seed, x64arch=False).
  it.each([
    ['', 0, [0, 0, 0, 0]],
    ['a', 0, [0x033bb196, 0xccef4fe1, 0xccef4fe1, 0xccef4fe1]],
    ['abc', 99, [0xbe154439, 0x78c9b030, 0x2bac1d47, 0x2bac1d47]],
    ['ab', 99, [0x254b61a4, 0xef3b4807, 0xef3b4807, 0xef3b4807]],
    ['abcd', 99, [0x27adb8a9, 0xd6b220a4, 0xda490de5, 0xda490de5]],
    ['abcde', 99, [0x373a131d, 0xd95f3871, 0xd6182404, 0x74b7ac8c]],
    ['abcdef', 99, [0xfe8bcef4, 0x56acefed, 0xa9d2b352, 0x9318839f]],
    ['abcdefg', 99, [0xea91829e, 0x9d7e50dc, 0x97bbc557, 0x251a7831]],
    ['abcdefgh', 99, [0xb6e287a7, 0xe3e2cbb3, 0xa7603383, 0x9afaf474]],
    ['abcdefghi', 99, [0x0c94d671, 0xecba20c6, 0x8d696afd, 0xdbe58712]],
    ['0012345678', 7, [0x993a5979, 0x35d46d36, 0x234605c4, 0x50783f35]],
    ['0013000001AbCdEAAU', 0x9e3779b9, [0x6137b6b4, 0x9998aa8c, 0x1dff657d, 0x3f11f396]],
    ['Größe 日本 😀', 42, [0xe96f608c, 0x55326cf8, 0xe004d04c, 0xfecee0f2]],
    ['the quick brown fox jumps over the lazy dog', 0xffffffff, [0xa638679a, 0x2fd67fe1, 0x72debd36, 0x64b0fdb2]],
  ])('of %j are those of MurmurHash3', (key, seed, expected) => {
    expect(lanesOf(keyHash(seed), key)).toEqual(expected);
  });
});

/** What the index does, with a map and without any care for memory. */
class Model {
  readonly #entries = new Map<string, { wanted: number; refused: number; found: [number, number][] }>();

  want(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, { wanted: 1, refused: 0, found: [] });
    else entry.wanted++;
  }

  refuse(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.refused++;
  }

  find(key: string, start: number, end: number): void {
    this.#entries.get(key)?.found.push([start, end]);
  }

  get size(): number {
    return this.#entries.size;
  }

  verdict(key: string): Verdict {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 'result';
    const { wanted, refused, found } = entry;
    if (found.length > wanted + refused) return 'ambiguous';
    return found.length === wanted && refused === 0 ? 'source' : 'result';
  }

  get needsResults(): boolean {
    return [...this.#entries.keys()].some((key) => this.verdict(key) !== 'source');
  }

  sourceRanges(): { start: number; end: number }[] {
    return [...this.#entries]
      .filter(([key]) => this.verdict(key) === 'source')
      .flatMap(([, { found }]) => found)
      .sort(([one], [other]) => one - other)
      .map(([start, end]) => ({ start, end }));
  }
}

/** One lane for each of the first characters: nothing is lost of a key with at most four, but slots collide. */
const poorHash: KeyHash = (key, lanes) => {
  for (let lane = 0; lane < LANES; lane++) lanes[lane] = key.charCodeAt(lane) | 0;
};
/** All keys want the same slot, and most of them look the same there. */
const worstHash: KeyHash = (key, lanes) => {
  lanes.fill(7);
  lanes[3] = key.charCodeAt(0) | (key.charCodeAt(1) << 16);
  lanes[2] = key.charCodeAt(2) | (key.charCodeAt(3) << 16);
};
const seeded = fc.nat({ max: 2 ** 32 - 1 }).map(keyHash);
const someHash = fc.oneof(seeded, fc.constant(poorHash), fc.constant(worstHash));

/** Four code units at most, none of them NUL: all that the bad hashes see. */
const anyKey = fc
  .string({ unit: 'binary', maxLength: 4 })
  .filter((text) => text.length <= LANES && !text.includes('\0'));

const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'A', 'ab', 'ba', 'aa', '1', '1e0') },
  { weight: 1, arbitrary: anyKey },
);
/** A gap before the row, and its length. */
const place = fc.tuple(fc.oneof(fc.nat(300), fc.nat(2 ** 45)), fc.oneof(fc.nat(300), fc.nat(2 ** 34)));

interface Script {
  wanted: string[];
  source: { key: string; start: number; end: number }[];
  refused: string[];
}

const script: fc.Arbitrary<Script> = fc
  .record({
    wanted: fc.array(key, { maxLength: 60 }),
    source: fc.array(fc.tuple(key, place), { maxLength: 60 }),
    refused: fc.array(key, { maxLength: 10 }),
  })
  .map(({ wanted, source, refused }) => {
    let at = 0;
    const rows = source.map(([rowKey, [gap, length]]) => {
      const start = at + gap;
      at = start + length;
      return { key: rowKey, start, end: at };
    });
    return { wanted, source: rows, refused };
  });

function play(index: KeyIndex | Model, { wanted, source, refused }: Script): void {
  for (const one of wanted) index.want(one);
  for (const { key: one, start, end } of source) index.find(one, start, end);
  for (const one of refused) index.refuse(one);
}

function expectSame(index: KeyIndex, model: Model, keys: readonly string[]): void {
  expect(index.size).toBe(model.size);
  expect(index.needsResults).toBe(model.needsResults);
  expect([...index.sourceRanges()]).toEqual(model.sourceRanges());
  const verdicts = (of: KeyIndex | Model): [string, Verdict][] => keys.map((one) => [one, of.verdict(one)]);
  expect(verdicts(index)).toEqual(verdicts(model));
}

describe('the index of keys', () => {
  it('does as a map does, whatever is wanted, found and refused', () => {
    fc.assert(
      fc.property(script, someHash, (steps, hash) => {
        const index = new KeyIndex(hash);
        const model = new Model();
        play(index, steps);
        play(model, steps);
        expectSame(index, model, [...steps.wanted, ...steps.source.map((row) => row.key), ...steps.refused]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('does so with many keys, in a source of more than 4 GB', () => {
    const source: Script['source'] = [];
    const wanted: string[] = [];
    const refused: string[] = [];
    let at = 2 ** 32 - 50_000;
    for (let n = 0; n < 120_000; n++) {
      const name = `key ${(n * 7919) % 90_000}`;
      if (n % 2 === 0) wanted.push(name);
      if (n % 97 === 0) refused.push(name);
      source.push({ key: name, start: at, end: at + 20 + (n % 300) });
      at += 400 + (n % 5 === 0 ? 100_000 : 0);
    }
    const index = new KeyIndex();
    const model = new Model();
    play(index, { wanted, source, refused });
    play(model, { wanted, source, refused });
    expect(model.sourceRanges().length).toBeGreaterThan(10_000);
    expect(model.needsResults).toBe(true);
    expectSame(
      index,
      model,
      source.filter((_, n) => n % 11 === 0).map((row) => row.key),
    );
    expect(index.verdict('key 90000')).toBe('result');
  });

  it('gives the rows of the source again each time it is asked', () => {
    const index = new KeyIndex();
    index.want('a');
    index.find('a', 5, 9);
    expect([...index.sourceRanges()]).toEqual([{ start: 5, end: 9 }]);
    index.refuse('a');
    expect([...index.sourceRanges()]).toEqual([]);
  });

  it('is not used in an order in which rows would be lost', () => {
    const index = new KeyIndex();
    index.want('a');
    index.find('a', 5, 9);
    expect(() => index.want('b')).toThrow(/after the source was searched/);
    index.refuse('a');

    const backwards = new KeyIndex();
    backwards.want('a');
    backwards.want('a');
    backwards.find('a', 5, 9);
    expect(() => backwards.find('a', 0, 5)).toThrow(RangeError);
  });

  it('takes no more memory for long keys, nor for rows of the source that are not sent again', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = (): number => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const rows = 100_000;
    const index = new KeyIndex();
    const before = held();
    const tail = 'x'.repeat(100);
    for (let n = 0; n < rows; n++) index.want(`${n}${tail}`);
    index.want('everywhere');
    for (let n = 0; n < rows; n++) index.find(`${n}${tail}`, n * 1000, n * 1000 + 250);
    for (let n = rows; n < 10 * rows; n++) index.find('everywhere', n * 1000, n * 1000 + 250);
    const grown = held() - before;
    expect(index.size).toBe(rows + 1);
    expect(index.verdict('everywhere')).toBe('ambiguous');
    expect(grown / rows).toBeLessThan(50);
  });
});

describe('the table of keys', () => {
  it('tells keys apart whose hashes differ in one bit only', () => {
    const hash: KeyHash = (name, lanes) => {
      lanes.fill(0);
      const bit = Number(name);
      lanes[bit >> 5] = 1 << (bit & 31);
    };
    const table = new KeyTable(hash);
    for (let bit = 0; bit < 128; bit++) expect(table.add(String(bit))).toBe(bit);
    for (let bit = 0; bit < 128; bit++) expect(table.numberOf(String(bit))).toBe(bit);
    expect(table.size).toBe(128);
  });

  it('gives each key a number of its own, in the order in which they come', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 200 }), someHash, (keys, hash) => {
        const table = new KeyTable(hash);
        const model = new Map<string, number>();
        for (const name of keys) {
          const expected = model.get(name) ?? model.size;
          model.set(name, expected);
          expect(table.add(name)).toBe(expected);
        }
        expect(table.size).toBe(model.size);
        for (const [name, number] of model) expect(table.numberOf(name)).toBe(number);
        if (!model.has('zzzz')) expect(table.numberOf('zzzz')).toBe(-1);
      }),
      { numRuns: 500 },
    );
  });
});

it('the set of keys has what was added and nothing else', () => {
  fc.assert(
    fc.property(fc.array(key), fc.array(key), someHash, (added, asked, hash) => {
      const set = new KeySet(hash);
      const model = new Set<string>();
      // Asked in between too: a set may be added to after it was read.
      for (const [n, one] of added.entries()) {
        expect(set.has(asked[n] ?? one)).toBe(model.has(asked[n] ?? one));
        set.add(one);
        model.add(one);
      }
      for (const one of [...added, ...asked]) expect(set.has(one)).toBe(model.has(one));
    }),
    { numRuns: 1_000 },
  );
});

it('the list of rows gives them back as they were, wherever they lie', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 ** 31 - 1), place), { maxLength: 100 }), (rows) => {
      const list = new RowList();
      const expected: KeyedRow[] = [];
      let at = 0;
      for (const [number, [gap, length]] of rows) {
        const start = at + gap;
        at = start + length;
        list.add(number, start, at);
        expected.push({ key: number, start, end: at });
      }
      expect([...list]).toEqual(expected);
    }),
  );
});

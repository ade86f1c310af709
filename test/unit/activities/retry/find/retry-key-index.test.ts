/**
 * The index of keys compared with a plain map, with tables that grow from a few slots and hashes that collide on
 * purpose.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyHash, LANES } from '../../../../../src/keys/sip-hash.js';
import type { KeyHash } from '../../../../../src/keys/sip-hash.js';
import { KeyIndex } from '../../../../../src/activities/retry/find/retry-key-index.js';
import type { Verdict } from '../../../../../src/activities/retry/find/retry-key-index.js';
import { RowList } from '../../../../../src/keys/typed-lists.js';
import type { KeyedRow } from '../../../../../src/keys/typed-lists.js';
import { KeySet } from '../../../../../src/keys/key-set.js';
import { KeyTable } from '../../../../../src/keys/key-table.js';

/** The index's behavior, implemented with a map and without regard for memory. */
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

/** One lane for each of the first characters: no part of a key with at most four is lost, but slots collide. */
const poorHash: KeyHash = (key, lanes) => {
  for (let lane = 0; lane < LANES; lane++) lanes[lane] = key.charCodeAt(lane) | 0;
};
/** All keys want the same slot, and most of them look the same there. */
const worstHash: KeyHash = (key, lanes) => {
  lanes.fill(7);
  lanes[3] = key.charCodeAt(0) | (key.charCodeAt(1) << 16);
  lanes[2] = key.charCodeAt(2) | (key.charCodeAt(3) << 16);
};
const keyed = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((secret) => keyHash(secret));
const someHash = fc.oneof(keyed, fc.constant(poorHash), fc.constant(worstHash));

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
  it('behaves like a map, whatever is wanted, found and refused', () => {
    fc.assert(
      fc.property(script, someHash, (steps, hash) => {
        const index = new KeyIndex({ hash });
        const model = new Model();
        play(index, steps);
        play(model, steps);
        expectSame(index, model, [...steps.wanted, ...steps.source.map((row) => row.key), ...steps.refused]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('behaves like a map with many keys, in a source of more than 4 GB', () => {
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

  it('returns the source rows again each time it is asked', () => {
    const index = new KeyIndex();
    index.want('a');
    index.find('a', 5, 9);
    expect([...index.sourceRanges()]).toEqual([{ start: 5, end: 9 }]);
    index.refuse('a');
    expect([...index.sourceRanges()]).toEqual([]);
  });

  it('refuses an order of calls in which rows would be lost', () => {
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

  it('needs no more memory for long keys, nor for source rows that are not sent again', () => {
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
  it('distinguishes keys whose hashes differ in one bit only', () => {
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

  it('numbers keys in the order in which they come', () => {
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

it('the set of keys contains exactly the added ones', () => {
  fc.assert(
    fc.property(fc.array(key), fc.array(key), someHash, (added, asked, hash) => {
      const set = new KeySet(hash);
      const model = new Set<string>();
      // Also queried in between: a set may be extended after it was read.
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

it('the list of rows returns them unchanged, wherever they are', () => {
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

/** The index of record values. */
import { expect, it } from 'vitest';
import { KeyIndex } from '../../../src/simulator/org/key-index.js';
import { randomFrom } from '../../../src/simulator/random.js';

it('finds what a map finds, whatever is added and removed', () => {
  const keys: string[] = [];
  const index = new KeyIndex((n) => keys[n] ?? '');
  const expected = new Map<string, number[]>();
  const random = randomFrom(1);
  for (let step = 0; step < 60_000; step++) {
    const n = 1 + Math.floor(random() * 5_000);
    const old = keys[n];
    if (old !== undefined) {
      index.remove(n, old);
      expected.set(
        old,
        (expected.get(old) ?? []).filter((one) => one !== n),
      );
    }
    if (random() < 0.2) {
      delete keys[n];
      continue;
    }
    const key = `k${Math.floor(random() ** 3 * 3_000)}`;
    keys[n] = key;
    index.add(n, key);
    expected.set(key, [...(expected.get(key) ?? []), n]);
  }
  for (const [key, list] of expected) expect(index.find(key)).toEqual(list);
  expect(index.find('none')).toEqual([]);
});

it('takes constant time for many records with one value', () => {
  const index = new KeyIndex(() => 'same');
  const begun = performance.now();
  for (let n = 1; n <= 200_000; n++) index.add(n, 'same');
  for (let n = 1; n <= 199_999; n++) index.remove(n, 'same');
  expect(index.find('same')).toEqual([200_000]);
  expect(performance.now() - begun).toBeLessThan(2_000);
});

import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { countReasons, reasonLines } from '../../../../../src/cli/shared/result/rejected-reasons.js';

const HEADER = '"sf__Id","sf__Error","Name"\n';
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-reasons-')));
  path = join(folder, 'rejected.csv');
});
afterEach(() => rm(folder, { recursive: true }));

it('counts rows by code, most frequent first', async () => {
  const rows = [
    '"","REQUIRED_FIELD_MISSING:a ""b"",\nc:Name --","A"',
    '"","UNABLE_TO_LOCK_ROW:x:--","B"',
    '"","UNABLE_TO_LOCK_ROW:x:--","C"',
    '"","secret words","D"',
    '',
  ];
  await writeFile(path, HEADER + rows.join('\n'));
  expect(await countReasons(path)).toEqual({
    counts: [
      ['UNABLE_TO_LOCK_ROW', 2],
      ['REQUIRED_FIELD_MISSING', 1],
      ['OTHER', 1],
    ],
    rows: 4,
    partial: false,
  });
});

it('stops when the time is over, and counts only whole rows', async () => {
  await writeFile(path, HEADER + '"","UNABLE_TO_LOCK_ROW:x:--","B"\n'.repeat(100_000));
  const found = await countReasons(path, 0);
  expect(found?.partial).toBe(true);
  expect(found?.rows).toBeGreaterThan(1_000);
  expect(found?.rows).toBeLessThan(100_000);
  expect(found?.counts).toEqual([['UNABLE_TO_LOCK_ROW', found?.rows]]);
});

it('ends in time in a file of millions of tiny rows', async () => {
  await writeFile(path, `a,sf__Error\n${'x\n'.repeat(20_000_000)}`);
  const began = performance.now();
  const found = await countReasons(path, 300);
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(found).toMatchObject({ partial: true, counts: [['OTHER', found?.rows]] });
});

it('shows that only the first rows were counted', () => {
  const reasons = { counts: [['OTHER', 1_200_000] as [string, number]], rows: 1_200_000 };
  expect(reasonLines({ ...reasons, partial: true })).toEqual([
    ['  of the first 1,200,000 rows only:', ''],
    ['  OTHER', '1,200,000'],
  ]);
  expect(reasonLines({ ...reasons, partial: false })).toEqual([['  OTHER', '1,200,000']]);
});

it('names a limited number of codes', async () => {
  const letters = (n: number): string => String.fromCharCode(65 + (n % 26), 65 + Math.floor(n / 26));
  const rows = Array.from({ length: 500 }, (_, n) => `"","CODE_${letters(n)}:x:--","A"\n`);
  await writeFile(path, HEADER + rows.join(''));
  const found = await countReasons(path);
  expect(found?.counts.length).toBe(101);
  expect(found?.counts[0]).toEqual(['OTHER', 400]);
});

it.each([
  ['another header', 'a,b\nx,y\n'],
  ['an open quote', `${HEADER}"","UNABLE_TO_LOCK_ROW`],
  ['no rows', HEADER],
  ['nothing', ''],
])('counts nothing in a file with %s', async (_what, text) => {
  await writeFile(path, text);
  expect(await countReasons(path)).toBeUndefined();
});

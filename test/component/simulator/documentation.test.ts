/** docs/simulator.md and these tests refer to each other. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEFAULT_QUIRKS } from '../../../src/simulator/index.js';

const page = readFileSync(new URL('../../../docs/simulator.md', import.meta.url), 'utf8');
// The section about third-party clients has its own tables.
const rows = (page.split('## Third-party clients')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));

it('has a line for every test and a test for every line', () => {
  const folder = new URL('./', import.meta.url);
  const tested = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => [...readFileSync(new URL(name, folder), 'utf8').matchAll(/'\[([a-z0-9-]+)\] /g)])
    .map(([, key]) => key);
  const documented = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z0-9-]+)`/g)]);
  expect(documented.map(([, key]) => key).sort()).toEqual([...new Set(tested)].sort());
});

it('names every switch', () => {
  const named = new Set(rows.flatMap((row) => [...row.matchAll(/`([a-z]\w*)`:/g)]).map(([, name]) => name));
  expect([...named].sort()).toEqual(Object.keys(DEFAULT_QUIRKS).sort());
});

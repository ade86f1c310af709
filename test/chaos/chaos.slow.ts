/**
 * `npm run chaos`. CHAOS_SEED repeats a soak, CHAOS_SOAK sets its number of loads, CHAOS_ONLY selects the cases whose
 * name contains it, CHAOS_TABLE and CHAOS_KEEP name a file for the table and a folder for traces of each case.
 */
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { allCases } from './cases.js';
import { runCase } from './run.js';
import { soakCases } from './soak.slow.js';
import { summaryOf, tableOf } from './report-table.js';
import type { Told } from './types.js';

const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(1, 1_000_000));
const only = process.env['CHAOS_ONLY'] ?? '';
const cases = [...allCases(), ...soakCases(seed, Number(process.env['CHAOS_SOAK'] ?? 40))];
const chosen = cases.filter(({ name }) => name.includes(only));
const told = new Map<string, Told>();

console.log(`chaos: ${chosen.length} cases; repeat the soak with CHAOS_SEED=${seed}`);

describe.concurrent('chaos', () => {
  it.each(chosen)('$name', { timeout: 600_000 }, async (given) => {
    const result = await runCase(given, inject('temporalAddress'));
    told.set(given.name, result);
    // After each case, so that an interrupted run keeps its results.
    writeTable();
    expect(result.complaints).toEqual([]);
  });
});

afterAll(() => console.log(summaryOf(inOrder(), seed)));

function inOrder(): Told[] {
  return chosen.map(({ name }) => told.get(name)).filter((result) => result !== undefined);
}

function writeTable(): void {
  const file = process.env['CHAOS_TABLE'];
  if (file) writeFileSync(file, tableOf(inOrder(), seed));
}

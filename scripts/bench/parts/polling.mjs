// Status calls and lateness of the default settings, by simulation.
import { SHAPES, simulate } from '../polling/jobs.mjs';
import { percent, printTable } from '../table.mjs';

const SEEDS = 200;
const LENGTHS = { '30 min': 30, '8 h': 480 };

export async function polling({ dist }) {
  const { nextPollDelay: next } = await import(new URL('workflows/polling.js', dist));
  const { resolveInput } = await import(new URL('workflows/input.js', dist));
  const load = { source: 'file:///rows.csv', object: 'Account', operation: 'insert', loadId: 'bench' };
  const plan = resolveInput(load, '').poll;
  const result = {};
  for (const [length, minutes] of Object.entries(LENGTHS)) {
    result[length] = Object.fromEntries(
      Object.entries(SHAPES).map(([name, shape]) => [name, simulate({ next, plan, shape, minutes, seeds: SEEDS })]),
    );
    printTable(
      `Status calls for a job of ${length}, ${SEEDS} runs, default settings`,
      ['progress', 'calls, median', 'calls, most', 'late, median', 'late, most'],
      Object.entries(result[length]).map(([name, { looks, lateness }]) => [
        name,
        looks.median,
        looks.most,
        percent(lateness.median),
        percent(lateness.most),
      ]),
    );
  }
  return result;
}

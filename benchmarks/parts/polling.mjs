// Status calls and delays of the default settings, by simulation.
import { SHAPES, simulate } from '../polling/jobs.mjs';
import { percent, printTable } from '../table.mjs';

const SEEDS = 200;
const LENGTHS = { '30 min': 30, '8 h': 480 };

export async function polling({ dist }) {
  const { nextPollDelay: next } = await import(new URL('workflows/job/poll/poll-delay.js', dist));
  const { resolveInput } = await import(new URL('domain/input/resolve-input.js', dist));
  const load = { source: 'file:///rows.csv', object: 'Account', operation: 'insert', loadId: 'bench' };
  const plan = resolveInput(load, '').poll;
  const result = {};
  for (const [length, minutes] of Object.entries(LENGTHS)) {
    result[length] = Object.fromEntries(
      Object.entries(SHAPES).map(([name, shape]) => [name, simulate({ next, plan, shape, minutes, seeds: SEEDS })]),
    );
    printTable(
      `Status calls for a job of ${length}, ${SEEDS} runs, default settings`,
      ['progress', 'calls, median', 'calls, max', 'late, median', 'late, max'],
      Object.entries(result[length]).map(([name, { polls, lateness }]) => [
        name,
        polls.median,
        polls.most,
        percent(lateness.median),
        percent(lateness.most),
      ]),
    );
  }
  return result;
}

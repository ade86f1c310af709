/**
 * The figures of docs/capacity.md: `npm run capacity [-- -t 'part of a name']`. Nothing fails on a slow machine, only when
 * a row is lost. Results go to stdout and, as JSON, into `.nightload/capacity/`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LoadHandle } from '../../../src/client/load-handle.js';
import type { BulkLoadResult } from '../../../src/contract/load-result.js';
import { REPOSITORY } from '../../containers/compose.js';
import { accountRows, sourceOf, Stack } from '../parts/stack.js';
import { difference, read } from './reading.js';
import type { Figures, Reading } from './reading.js';

const ARCHIVE = join(REPOSITORY, '.nightload/capacity');
const WORKERS = 3;
let stack: Stack;

beforeEach(async () => {
  stack = await Stack.open({ recordsPerSecond: 1e6, queueDelayMs: 0 });
});
afterEach(() => stack?.close());

/** @param allocation of the org: by default ten jobs at a time */
async function startWorkers(allocation: Record<string, unknown> = {}): Promise<void> {
  const file = join(stack.folder, 'connections.json');
  const connection = { auth: 'token', instanceUrl: stack.org.url, accessToken: 'env:SF_ACCESS_TOKEN', allocation };
  await writeFile(file, JSON.stringify({ connections: { default: connection } }), { mode: 0o600 });
  const env = { NIGHTLOAD_CONNECTIONS: file, NIGHTLOAD_LOG_LEVEL: 'warn' };
  for (let n = 1; n <= WORKERS; n++) await stack.startWorker(`worker-${n}`, env);
}

async function report(name: string, before: Reading, facts: Record<string, number>): Promise<Figures> {
  const figures = difference(stack, before, await read(stack));
  const all = { name, date: new Date().toISOString(), ...facts, ...figures };
  await mkdir(ARCHIVE, { recursive: true });
  await writeFile(join(ARCHIVE, `${name}.json`), `${JSON.stringify(all, null, 2)}\n`);
  console.log(JSON.stringify(all, null, 2));
  return figures;
}

function expectAll(result: BulkLoadResult, rows: number): void {
  expect(result).toMatchObject({ balanced: true, records: { total: rows, succeeded: rows } });
}

/** Everything that loads leave in the database once, such as the ledger, is there before the measurement. */
async function warmUp(): Promise<void> {
  const handle = await stack.startLoad(accountRows('warm-up', 10), { loadId: 'warm-up' });
  expectAll(await handle.result(), 10);
}

it('ten loads, one after the other', async () => {
  await startWorkers();
  await warmUp();
  const before = await read(stack);
  for (let n = 1; n <= 10; n++) {
    const handle = await stack.startLoad(accountRows(`single-${n}`, 500), { loadId: `single-${n}` });
    expectAll(await handle.result(), 500);
  }
  await report('ten-loads', before, { loads: 10, rows: 5_000 });
});

it('200 loads at once', async () => {
  await startWorkers({ maxJobs: 100 });
  await warmUp();
  const inputs = Array.from({ length: 200 }, (_, n) => `at-once-${n + 1}`);
  const source = sourceOf('at-once');
  await stack.store.put(source, accountRows('at-once', 500));
  const before = await read(stack);
  const handles: LoadHandle[] = await Promise.all(inputs.map((loadId) => stack.startStored({ loadId, source })));
  for (const handle of handles) expectAll(await handle.result(), 500);
  await report('200-loads', before, { loads: 200, rows: 100_000 });
});

it('2,000 parts in one load', async () => {
  await startWorkers({ maxJobs: 20 });
  await warmUp();
  const before = await read(stack);
  // One row fills the smallest part.
  const handle = await stack.startLoad(accountRows('parts', 2_000, 900), {
    loadId: 'parts',
    part: { maxBytes: 1_000, maxConcurrent: 20 },
    poll: { initialInterval: '1s' },
  });
  const result = await handle.result();
  expectAll(result, 2_000);
  await report('2000-parts', before, { loads: 1, parts: result.jobsTotal, rows: 2_000 });
});

it('1 GB in one load', async () => {
  await startWorkers();
  await warmUp();
  const rows = 1_000_000;
  const before = await read(stack);
  const handle = await stack.startLoad(accountRows('bytes', rows, 920), { loadId: 'bytes' });
  const result = await handle.result();
  expectAll(result, rows);
  await report('1-gb', before, { loads: 1, parts: result.jobsTotal, rows });
});

/** An hour takes 37.5 seconds: every wait and every job is so much shorter. */
const FACTOR = 96;
/** A wait has at least 100 ms. */
const shortened = (seconds: number): string => `${Math.max(100, Math.round((seconds * 1000) / FACTOR))}ms`;

it('24 hours in 15 minutes', async () => {
  await startWorkers({ window: `${86_400 / FACTOR}s` });
  await warmUp();
  const LOADS = 144;
  const ROWS = 3_000;
  const PARTS = 2;
  // Each job takes 20 minutes of the night.
  await stack.org.setSpeed(ROWS / PARTS / ((20 * 60) / FACTOR));
  const before = await read(stack);
  const begun = Date.now();
  const handles: LoadHandle[] = [];
  const series: Record<string, number>[] = [];
  for (let n = 0; n < LOADS; n++) {
    // A load every ten minutes of the night.
    await pause(Math.max(0, begun + (n * 600_000) / FACTOR - Date.now()));
    const loadId = `night-${n + 1}`;
    handles.push(
      await stack.startLoad(lockedRows(loadId, ROWS), {
        loadId,
        part: { maxBytes: 85_000 },
        poll: { initialInterval: shortened(5), maximumInterval: shortened(300), settleInterval: shortened(30) },
        retry: { initialWait: shortened(60) },
      }),
    );
    if (n % 12 === 11) {
      const now = await read(stack);
      series.push({
        hour: Math.round(((Date.now() - begun) * FACTOR) / 3_600_000),
        tableMB: (now.tableBytes - before.tableBytes) / 1e6,
        ...Object.fromEntries(stack.workers.map(({ part }) => [part.name, Math.round(part.residentMemory())])),
      });
    }
  }
  let jobs = 0;
  let polls = 0;
  for (const handle of handles) {
    const result = await handle.result();
    expectAll(result, ROWS);
    jobs += result.jobsTotal;
    polls += (result.jobs ?? []).reduce((sum, job) => sum + job.polls, 0);
  }
  console.table(series);
  await report('24-hours', before, { loads: LOADS, rows: LOADS * ROWS, jobs, polls });
});

/** One row in a hundred is locked at first, and lands in a retry. */
function* lockedRows(name: string, count: number): Generator<string> {
  let n = 0;
  for (const row of accountRows(name, count)) yield n++ % 100 === 1 ? row.replace('line 1', '[locked once]') : row;
}

/** `nightload status` of a running load fits on one screen. */
import { expect, it } from 'vitest';
import { statusLines } from '../../../../../src/cli/shared/result/status-lines.js';
import type { StatusView } from '../../../../../src/cli/shared/result/status-lines.js';
import type { LoadProgress } from '../../../../../src/contract/load-progress.js';
import { loading, manyParts, NOW, part } from '../progress/loads.js';

const SIZE = { columns: 80, rows: 24 };

function view(progress: LoadProgress | undefined, more: Partial<StatusView> = {}): StatusView {
  const nothing = { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 };
  const { records = nothing, ...rest } = progress ?? {};
  return {
    status: {
      ...{ loadId: 'night', workflowId: 'bulk-load/night', runId: 'run', state: 'Running', object: 'Account' },
      ...{ operation: 'upsert', balanced: false, jobsTotal: 0, apiRequests: 61, files: { succeeded: [] } },
      retry: { rounds: 0, recovered: 0, rerendered: 0 },
      ...rest,
      records,
    },
    startTime: new Date(NOW - 60_000),
    progress,
    failures: { lines: [], more: 0 },
    queues: [],
    ...more,
  };
}

const rowsTaken = (lines: string[]): number =>
  lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 80)), 0);

it('counts, speed and estimate come first, then the parts', () => {
  const progress = loading({ rowsPerSecond: 1_240, secondsLeft: 118 });
  expect(statusLines(view(progress), SIZE, NOW)).toEqual([
    'bulk-load/night: Running, loading, since 2026-11-26T04:59:00.000Z',
    '  upsert Account: 50,000 rows, 19,900 landed so far',
    '  47 % done, 112 failed, 1,240 rows/s, about 2 min left, 2 of 5 parts done, 61 API requests',
    '  part 3: processing, 4,000 of 10,000, 12 failed, job 750sm0000000003AAA',
    '  part 4: uploading, 0 of 10,000, 50 % sent, job 750sm0000000004AAA',
  ]);
});

it('200 parts with troubles fit on 24 rows of 80 columns; waits and failures are above the parts', () => {
  const failures = { lines: Array.from({ length: 20 }, (_, i) => `step ${i} failed: ${'x'.repeat(150)}`), more: 5 };
  const queues = ['No worker polls the task queue "nightload".'];
  const wait = { waitingFor: 'corrections of 12 rows' };
  for (const phase of ['processing', 'failed'] as const) {
    const all = view({ ...manyParts(200, { phase }), ...wait }, { failures, queues });
    const lines = statusLines(all, SIZE, NOW);
    expect(rowsTaken(lines)).toBeLessThanOrEqual(22);
    const order = ['waits for: corrections', 'step 0 failed', 'more steps that fail', 'No worker polls', '  part 1: '];
    const places = order.map((text) => lines.findIndex((line) => line.includes(text)));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(lines).toContain('  and 22 more steps that fail and are retried');
    expect(lines.at(-1)).toMatch(/^ {2}and 19\d more parts that run or failed$/);
  }
});

it('a long failure is shown in full, and running parts come before failed ones', () => {
  const failures = { lines: ['y'.repeat(1_000), 'second'], more: 0 };
  const progress = loading({ parts: [part(1, { phase: 'failed' }), part(2)] });
  const lines = statusLines(view(progress, { failures }), SIZE, NOW);
  expect(lines).toContain(`  ${'y'.repeat(1_000)}`);
  expect(lines).toContain('  and 1 more steps that fail and are retried');
  expect(lines.slice(-2).map((line) => line.slice(0, 9))).toEqual(['  part 2:', '  part 1:']);
});

it('without an answer of a worker it says so instead of zeros', () => {
  const lines = statusLines(view(undefined), SIZE, NOW);
  expect(lines).toContain('  upsert Account: the number of landed rows is currently unknown');
});

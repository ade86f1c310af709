/** What a worker reports to the ledger about the names in its messages. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ActivityDependencies } from '../../../../src/activities/index.js';
import { DEFAULT_ALLOCATION } from '../../../../src/domain/platform/allocation-settings.js';
import { openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

const asked: unknown[] = [];
const isPart: NonNullable<ActivityDependencies['isPart']> = (execution, at) => {
  asked.push({ ...execution, at });
  if (execution.workflowId === 'unreachable') return Promise.reject(new Error('14 UNAVAILABLE'));
  return Promise.resolve(execution.workflowId.startsWith('real'));
};
const rules = { ...DEFAULT_ALLOCATION, maxJobs: 3 };
let bench: Bench;
let org: string;
beforeAll(async () => {
  bench = await openBench({}, { isPart, allocations: new Map([['default', rules]]) });
  org = new URL(bench.org.url).host;
});
afterAll(() => bench.close());

const holders = ['real-1', 'fake', 'unreachable', 'real-2'].map((holder, n) => ({ id: `run-${n}/7`, holder, at: n }));

it('lists holders that are parts and those that are not, and omits undecided ones', async () => {
  const found = await run(bench.activities.checkLedger, { org, connections: ['default'], holders });
  expect(found).toEqual({ connection: 'default', rules, known: ['run-0/7', 'run-3/7'], gone: ['run-1/7'] });
  expect(asked[0]).toEqual({ workflowId: 'real-1', runId: 'run-0', at: 0 });
});

it('unknown connection names delay neither the settings nor the check of holders', async () => {
  const connections = ['default', ...Array.from({ length: 19 }, (_, n) => `made-up-${n}`)];
  const found = await run(bench.activities.checkLedger, { org, connections, holders });
  expect(found).toMatchObject({ connection: 'default', rules, gone: ['run-1/7'] });
});

it('a connection that leads to another org does not count', async () => {
  const found = await run(bench.activities.checkLedger, { org: 'other.example', connections: ['default'], holders });
  expect(found).toEqual({ known: ['run-0/7', 'run-3/7'], gone: ['run-1/7'] });
});

it('a worker that cannot ask Temporal reports no holder as gone', async () => {
  const alone = await openBench();
  const found = await run(alone.activities.checkLedger, { org, connections: [], holders });
  expect(found).toEqual({ known: [], gone: [] });
  await alone.close();
});

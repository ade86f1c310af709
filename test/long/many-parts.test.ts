/** A load of 1,200 parts: what carries on over its runs stays small, and every row lands once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accounts, expectSound, openWorld } from '../support/load.js';
import type { World } from '../support/load.js';

const PARTS = 1_200;
/** One row of so many characters fills the smallest part that there may be. */
const FILLING = 'x'.repeat(700);

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

it('loads 1,200 parts in one load', { timeout: 600_000 }, async () => {
  const rows = accounts(PARTS, (row, n) => ({ ...row, Description: FILLING, ...(n % 400 === 0 && { Name: '' }) }));
  const handle = await world.start({
    source: await world.csv(rows),
    part: { maxBytes: 1_000, maxConcurrent: 20 },
    abortWhen: { failedRatio: 1 },
  });
  const result = await handle.result();
  expect(result).toMatchObject({
    state: 'CompletedWithRejects',
    records: { total: PARTS, succeeded: PARTS - 3, rejected: 3, unprocessed: 0, unaccounted: 0 },
    balanced: true,
    jobsTotal: PARTS,
  });
  expect(result.jobs).toHaveLength(200);
  expect(result.files.succeeded).toHaveLength(PARTS - 3);
  expect(world.org.jobs()).toHaveLength(PARTS);
  await expectSound(world, result);
  let events = 0;
  let runs = 0;
  for await (const run of world.client.workflow.list({ query: `WorkflowId = "${handle.workflowId}"` })) {
    events += run.historyLength;
    runs++;
  }
  expect(runs).toBeGreaterThan(1);
  expect(events / PARTS).toBeLessThan(15);
});

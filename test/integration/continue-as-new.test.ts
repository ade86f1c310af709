/** A server that is configured for short histories: long loads continue in new runs without losing anything. */
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { nightload } from '../helpers/run-cli.js';
import { accounts, expectSound, newLoadId, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let server: DevServer;
let world: World;
beforeAll(async () => {
  const { path } = await findTemporalServer();
  server = await startDevServer({
    binary: path,
    uiPort: 'off',
    dynamicConfig: ['limit.historyCount.suggestContinueAsNew=60'],
  });
  world = await openWorld({}, server.address);
});
afterAll(async () => {
  await world.end();
  await server.stop();
});

async function runs(workflowId: string): Promise<number> {
  let count = 0;
  for await (const _run of world.client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) count++;
  return count;
}

it('starts the parts of a load over several runs, each part once', async () => {
  const rows = accounts(400, (row, n) => ({ ...row, Name: n % 100 === 0 ? '' : `Account ${n}` }));
  const handle = await world.start({ source: await world.csv(rows), part: { maxBytes: 1_200, maxConcurrent: 3 } });
  const result = await handle.result();
  expect(result).toMatchObject({
    state: 'CompletedWithRejects',
    records: { total: 400, succeeded: 396, rejected: 4, unprocessed: 0, unaccounted: 0 },
    balanced: true,
  });
  expect(result.apiRequests).toBe(world.org.ledger.count());
  expect(world.org.jobs()).toHaveLength(result.jobsTotal);
  await expectSound(world, result);
  await expect.poll(() => runs(handle.workflowId)).toBeGreaterThan(1);
  // One load, however many runs it took.
  const listed = async (...options: string[]): Promise<string[]> => {
    const list = nightload(['list', '--json', ...options], { TEMPORAL_ADDRESS: server.address }, world.folder);
    expect(await list.ended).toBe(0);
    return (JSON.parse(list.stdout()) as { workflowId: string }[]).map(({ workflowId }) => workflowId);
  };
  expect(await listed()).toEqual([handle.workflowId]);
  expect(await listed('--state', 'completedwithrejects', '--object', 'Account', '--since', '1h')).toEqual([
    handle.workflowId,
  ]);
  expect(await listed('--state', 'Completed')).toEqual([]);
  expect(await listed('--object', 'Contact')).toEqual([]);
});

it('is joined by the same start also in a later run, whatever the date of its source', async () => {
  const day = new Date().toISOString().slice(0, 10);
  await world.csv(
    accounts(400, (row, n) => ({ ...row, External_Id__c: `D-${n}` })),
    `accounts-${day}.csv`,
  );
  const input = {
    source: `${pathToFileURL(world.folder).href}/accounts-{date}.csv`,
    part: { maxBytes: 1_200, maxConcurrent: 3 },
    loadId: newLoadId('dated'),
  };
  await world.org.setRecordsPerSecond(100);
  const handle = await world.start(input);
  const { runId } = await handle.describe();
  await expect.poll(async () => (await handle.describe()).runId, { timeout: 60_000 }).not.toBe(runId);
  expect(await world.start(input)).toMatchObject({ joined: true });
  await world.org.setRecordsPerSecond(20_000);
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 400 } });
});

it('sends the parts of a retry over several runs, each part once', async () => {
  const before = world.org.jobs().length;
  const rows = accounts(120, (row, n) => ({ ...row, External_Id__c: `R-${n}`, Description: 'x [locked once]' }));
  const handle = await world.start({
    source: await world.csv(rows),
    part: { maxBytes: 1_000, maxConcurrent: 5 },
    abortWhen: { failedRatio: 1 },
  });
  const result = await handle.result();
  expect(result).toMatchObject({
    state: 'Completed',
    records: { total: 120, succeeded: 120 },
    balanced: true,
    retry: { rounds: 1, recovered: 120, rerendered: 0 },
  });
  const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith('R-'));
  expect(ours.map(({ applied }) => applied)).toEqual(Array<number>(120).fill(1));
  expect(result.jobsTotal).toBe(world.org.jobs().length - before);
  await expectSound(world, result);
  await expect.poll(() => runs(`${handle.workflowId}/retry`)).toBeGreaterThan(1);
});

it('polls a long job over several runs', async () => {
  await world.org.setRecordsPerSecond(30);
  const rows = accounts(300, (row, n) => ({ ...row, External_Id__c: `L-${n}` }));
  const handle = await world.start({
    source: await world.csv(rows),
    poll: { initialInterval: '100ms', maximumInterval: '100ms', settleInterval: '100ms' },
  });
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 300 }, jobsTotal: 1 });
  await expect.poll(() => runs(`${handle.workflowId}/part-1`)).toBeGreaterThan(1);
});

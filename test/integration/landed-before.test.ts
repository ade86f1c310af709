/**
 * What a load's folder records of earlier runs, for every caller. For a load that Temporal has deleted:
 * test/slow/forgotten.test.ts.
 */
import { randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { LoadHandle } from '../../src/client/load-handle.js';
import { accounts, FAST, newLoadId, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** As from a parent: no client checks for earlier runs. */
async function startedByParent(
  input: Partial<BulkLoadInput>,
  workflowId = `bulk-load/${input.loadId}`,
): Promise<BulkLoadResult> {
  await world.client.workflow.start('bulkLoad', {
    workflowId,
    taskQueue: world.taskQueue,
    args: [{ object: 'Account', ...FAST, ...input }],
  });
  return new LoadHandle(world.client, workflowId).result();
}

it("refuses a parent's start if rows landed or the load was terminated, and begins if no row landed", async () => {
  const input = {
    operation: 'insert' as const,
    source: await world.csv(accounts(30).map(({ Name = '' }) => ({ Name: `T ${Name}` }))),
    loadId: newLoadId('terminated'),
  };
  await world.org.setRecordsPerSecond(10);
  const before = world.org.jobs().length;
  const handle = await world.start(input);
  await expect.poll(() => world.org.jobs()[before]?.state ?? 'Open').not.toBe('Open');
  await world.client.workflow.getHandle(handle.workflowId).terminate();
  await world.org.setRecordsPerSecond(20_000);
  expect(await startedByParent(input)).toMatchObject({
    state: 'Failed',
    error: { code: 'ALREADY_LOADED', message: expect.stringMatching(/left no report/) as string },
    jobsTotal: 0,
  });

  const whole = { ...input, source: await world.csv(accounts(20)), loadId: newLoadId('whole') };
  expect(await world.load(whole)).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  const records = world.org.records('Account').length;
  expect(await startedByParent(whole)).toMatchObject({ state: 'Failed', error: { code: 'ALREADY_LOADED' } });
  expect(world.org.records('Account')).toHaveLength(records);

  // Names are required: every row is rejected, so the same load may start again.
  const bad = accounts(5).map(() => ({ Name: '', Description: 'without a name' }));
  const none = { operation: 'insert' as const, source: await world.csv(bad), loadId: newLoadId('none') };
  for (const _time of [1, 2]) {
    expect(await startedByParent(none)).toMatchObject({ state: 'CompletedWithRejects', records: { rejected: 5 } });
  }
});

it('another workflow with the id of an existing load sends nothing and replaces nothing', async () => {
  const key = { operation: 'upsert' as const, externalIdFieldName: 'External_Id__c' };
  const loadId = newLoadId('taken');
  const input = { ...key, source: await world.csv(accounts(4)), loadId };
  expect(await world.load(input)).toMatchObject({ state: 'Completed', records: { succeeded: 4 } });
  const folder = join(world.folder, 'nightload-results', loadId);
  const files = async (): Promise<string[]> => {
    const names = (await readdir(folder, { recursive: true })).sort();
    return Promise.all(names.map(async (name) => `${name} ${(await stat(join(folder, name))).mtimeMs}`));
  };
  const before = await files();
  const jobs = world.org.jobs().length;
  // With and without `again`, and from inside the other load's folder.
  const inside = pathToFileURL(
    join(folder, (await readdir(folder)).find((name) => name.startsWith('run-')) ?? ''),
  ).href;
  for (const more of [{}, { again: true }, { again: true, output: inside, loadId: 'first' }]) {
    expect(await startedByParent({ ...input, ...more }, `somebody-${randomUUID()}`)).toMatchObject({
      state: 'Failed',
      error: { code: 'LOAD_ID_IN_USE' },
      jobsTotal: 0,
      records: { total: 0 },
    });
  }
  expect(world.org.jobs()).toHaveLength(jobs);
  expect(await files()).toEqual(before);
  // Its own later run begins.
  expect(await world.load({ ...input, again: true })).toMatchObject({ state: 'Completed', records: { succeeded: 4 } });
});

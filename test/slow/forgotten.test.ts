/** A load that Temporal has deleted is still not sent twice. Slow, because the server takes its time to delete it. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeIfThere } from '../../src/client/load-handle.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** As if the namespace's retention had passed. */
async function forget(handle: LoadHandle): Promise<void> {
  await world.client.workflowService.deleteWorkflowExecution({
    namespace: world.client.options.namespace,
    workflowExecution: { workflowId: handle.workflowId },
  });
  await expect.poll(() => describeIfThere(handle), { timeout: 60_000 }).toBeUndefined();
}

const landed = (): number => world.org.records('Account').length;

it('refuses an insert that landed before, even if only its report is left', async () => {
  const rows = accounts(20).map(({ Name = '' }) => ({ Name }));
  const input = { operation: 'insert' as const, source: await world.csv(rows), loadId: 'forgotten' };
  const handle = await world.start(input);
  const first = await handle.result();
  expect(first).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  const report = await readFile(fileURLToPath(first.files.report ?? ''), 'utf8');
  await forget(handle);

  const jobs = world.org.jobs().length;
  for (const _time of [1, 2]) {
    expect(await world.load(input)).toMatchObject({
      state: 'Failed',
      error: { code: 'ALREADY_LOADED', message: expect.stringMatching(/landed 20 of 20 rows.*--again/s) as string },
      records: { total: 0 },
      jobsTotal: 0,
    });
    expect(landed()).toBe(20);
  }
  expect(world.org.jobs()).toHaveLength(jobs);
  // The refused loads kept the first one's files.
  expect(await readFile(fileURLToPath(first.files.report ?? ''), 'utf8')).toBe(report);

  expect(await world.load({ ...input, again: true })).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  expect(landed()).toBe(40);
});

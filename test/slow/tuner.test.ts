/**
 * `NIGHTLOAD_TUNER=resource`: a worker gives out slots as long as the machine has memory and processor time, and never
 * more than its settings permit.
 */
import { temporal } from '@temporalio/proto';
import { fetch } from 'undici';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { freePort } from '../../src/runtime/free-port.js';
import { accounts, expectSound, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';

const STARTED = temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
const PARTS = 6;
const MAX_UPLOADS = 2;

let world: World;
let worker: Command;
let metrics: string;
beforeAll(async () => {
  world = await openWorld();
  await world.worker.stop();
  metrics = `127.0.0.1:${await freePort()}`;
  worker = await startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      NIGHTLOAD_TASK_QUEUE: world.taskQueue,
      NIGHTLOAD_FILE_ROOTS: world.folder,
      NIGHTLOAD_LOG_LEVEL: 'ERROR',
      NIGHTLOAD_TUNER: 'resource',
      NIGHTLOAD_MAX_UPLOADS: String(MAX_UPLOADS),
      NIGHTLOAD_METRICS_ADDRESS: metrics,
      SF_INSTANCE_URL: world.org.url,
      SF_ACCESS_TOKEN: world.org.token,
    },
    world.folder,
  );
});
afterAll(async () => {
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
  await world.end();
});

/** How many uploads of the load run now. */
async function runningUploads(workflowId: string): Promise<number> {
  const counts = await Promise.all(
    Array.from({ length: PARTS }, async (_, i) => {
      const part = world.client.workflow.getHandle(`${workflowId}/part-${i + 1}`);
      const { raw } = await part.describe();
      return (raw.pendingActivities ?? []).filter(
        ({ activityType, state }) => activityType?.name === 'uploadPart' && state === STARTED,
      ).length;
    }),
  );
  return counts.reduce((sum, one) => sum + one, 0);
}

it('gives out at most the configured slots, by the resources of the machine, and the load completes', async () => {
  // Each upload's answer takes a while, so that more than two would overlap.
  world.org.fault({ kind: 'upload', times: PARTS, action: { delayReply: 3_000 } });
  const handle = await world.start({
    source: await world.csv(accounts(100 * PARTS)),
    part: { maxBytes: 5_000, maxConcurrent: PARTS },
  });
  const done = handle.result();
  let ended = false;
  void done.finally(() => (ended = true)).catch(() => undefined);
  let most = 0;
  while (!ended) {
    most = Math.max(most, await runningUploads(handle.workflowId).catch(() => 0));
    await new Promise((next) => setTimeout(next, 100));
  }
  const result = await done;
  expect(result).toMatchObject({ state: 'Completed', records: { total: 100 * PARTS, succeeded: 100 * PARTS } });
  await expectSound(world, result);
  expect(world.org.jobs().length).toBeGreaterThanOrEqual(PARTS);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(MAX_UPLOADS);

  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  // Only this kind of tuner measures them.
  expect(text).toMatch(/^temporal_resource_slots_mem_usage(?:\{[^}]*\})? \d/m);
  expect(text).toMatch(/^temporal_resource_slots_cpu_usage(?:\{[^}]*\})? \d/m);
}, 240_000);

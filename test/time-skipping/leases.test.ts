/**
 * Leases of the org's allocation over hours: a lease whose holder runs is kept, and a new ledger replaces one that was
 * terminated.
 */
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { openGoverned } from '../helpers/allocated-loads.js';
import type { Governed } from '../helpers/allocated-loads.js';
import { closed, quietWorkers } from '../helpers/load-harness.js';
import { cancelIdle, skipUntil } from '../helpers/skip-time.js';
import { startTimeSkipping } from '../helpers/time-skipping-server.js';

const DAY = 24 * 3_600_000;

let env: TestWorkflowEnvironment;
let governed: Governed;

beforeEach(async () => {
  quietWorkers();
  env = await startTimeSkipping(inject('timeSkippingServer'));
  governed = await openGoverned({ windowMs: DAY, maxJobs: 1 }, { now: () => env.currentTimeMs() }, env.address);
});
afterEach(async () => {
  await governed.end();
  await env.teardown();
});

const waiting = async (): Promise<number | undefined> => (await governed.ledger().catch(() => undefined))?.waitingTotal;

it('keeps the lease of a part whose job cannot be created for an hour', async () => {
  const { world } = governed;
  world.org.fault({ kind: 'create', times: 10_000, action: { status: 503 } });
  const first = await governed.start(5, 'first');
  await expect
    .poll(async () => (await governed.ledger().catch(() => undefined))?.jobsTotal, { timeout: 20_000 })
    .toBe(1);
  const second = await governed.start(5, 'second');
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
  // Twice as long as the ledger waits for a silent holder.
  await env.sleep('65 minutes');
  expect(await governed.ledger()).toMatchObject({ jobsTotal: 1, waitingTotal: 1 });
  world.org.clearFaults();
  await env.sleep('10 minutes');
  expect(await first.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  expect(await second.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
});

it('keeps the lease of a failed job while the platform still processes its rows', async () => {
  const { world } = governed;
  await world.org.setRecordsPerSecond(1);
  const poll = { initialInterval: '1m', maximumInterval: '1m', settleInterval: '30s' };
  const first = await governed.start(9_000, 'first', { poll, jobTimeout: '10m' });
  const phase = async (): Promise<string | undefined> => (await first.progress()).parts[0]?.phase;
  await closed(world.org);
  await skipUntil(env, '1m', async () => (await phase()) === 'settling');
  const second = await governed.start(5, 'second');
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
  await env.sleep('65 minutes');
  expect(await phase()).toBe('settling');
  expect(await governed.ledger()).toMatchObject({ jobsTotal: 1, waitingTotal: 1 });
  await cancelIdle(env.client, first);
  // Its request to the ledger stays open.
  await second.cancel();
  await env.sleep('20 minutes');
  expect(await first.result()).toMatchObject({ state: 'Canceled' });
  expect(await second.result()).toMatchObject({ state: 'Canceled' });
});

it('asks a new ledger within 20 minutes after the ledger that it waits for was terminated', async () => {
  const { world } = governed;
  world.org.fault({ kind: 'create', times: 10_000, action: { status: 503 } });
  const first = await governed.start(5, 'first');
  await expect
    .poll(async () => (await governed.ledger().catch(() => undefined))?.jobsTotal, { timeout: 20_000 })
    .toBe(1);
  const second = await governed.start(5, 'second');
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
  await world.client.workflow.getHandle(governed.ledgerId).terminate('forget');
  world.org.clearFaults();
  await env.sleep('20 minutes');
  expect(await second.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  expect(await first.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
});

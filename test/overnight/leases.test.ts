/** Grants of the org's allocation over hours: one whose holder lives is kept, and a ledger that was ended is asked anew. */
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { openGoverned } from '../support/governed.js';
import type { Governed } from '../support/governed.js';
import { quietWorkers } from '../support/load.js';
import { startTimeSkipping } from '../support/time-skipping-server.js';

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

it('keeps the slot of a part whose job cannot be created for an hour', async () => {
  const { world } = governed;
  world.org.fault({ kind: 'create', times: 10_000, action: { status: 503 } });
  const first = await governed.start(5, 'first');
  await expect
    .poll(async () => (await governed.ledger().catch(() => undefined))?.jobsTotal, { timeout: 20_000 })
    .toBe(1);
  const second = await governed.start(5, 'second');
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
  // Twice as long as the ledger waits for a holder that is silent.
  await env.sleep('65 minutes');
  expect(await governed.ledger()).toMatchObject({ jobsTotal: 1, waitingTotal: 1 });
  world.org.clearFaults();
  await env.sleep('10 minutes');
  expect(await first.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  expect(await second.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
});

it('asks a new ledger within 20 minutes when somebody terminated the one that it waits for', async () => {
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

/** Loads of one org share its allocation: unused leases are returned, and refusals are retried after a wait. */
import { afterEach, expect, it } from 'vitest';
import type { OrgSummary } from '../../src/protocol/messages/allocation-messages.js';
import { MINUTE, openGoverned } from '../helpers/allocated-loads.js';
import type { Governed } from '../helpers/allocated-loads.js';
import type { World } from '../helpers/load-harness.js';

let governed: Governed;
let world: World;
const open = async (...args: Parameters<typeof openGoverned>): Promise<void> => {
  governed = await openGoverned(...args);
  ({ world } = governed);
};
const start: Governed['start'] = (...args) => governed.start(...args);
const ledger = (): Promise<OrgSummary> => governed.ledger();
afterEach(() => governed.end());

it('returns what a canceled load requested, and unused leases', async () => {
  await open({ recordsPerWindow: 45 }, {});
  const first = await start(40, 'first');
  await first.result();
  const second = await start(40, 'second');
  await expect.poll(async () => (await ledger()).waitingTotal).toBe(1);
  await second.cancel();
  await expect(second.result()).resolves.toMatchObject({ state: 'Canceled', records: { unprocessed: 40 } });
  expect(world.org.jobs()).toHaveLength(1);
  await expect.poll(ledger).toMatchObject({ waitingTotal: 0, jobsTotal: 0, records: { used: 40 } });
});

it('creates no job while the load is paused, and releases its lease to others', async () => {
  await open({ recordsPerWindow: 45, windowMs: 15_000 }, {});
  const first = await start(40, 'first');
  await first.result();
  const second = await start(30, 'second');
  await expect.poll(async () => (await ledger()).waitingTotal).toBe(1);
  await second.pause();
  await expect.poll(async () => (await ledger()).records.used, { timeout: 90_000, interval: 500 }).toBe(0);
  await expect.poll(ledger).toMatchObject({ waitingTotal: 0, records: { granted: 0 } });
  expect(world.org.jobs()).toHaveLength(1);
  await second.resume();
  expect(await second.result()).toMatchObject({ state: 'Completed', records: { succeeded: 30 }, jobsTotal: 1 });
});

it('keeps no lease for a part that resumes after it was terminated during its upload', async () => {
  await open({ windowMs: 24 * 60 * MINUTE, recordsPerWindow: 50 }, {});
  world.org.fault({ kind: 'upload', action: 'hang' });
  const load = await start(20, 'terminated');
  await expect.poll(() => world.org.ledger.count('upload')).toBe(1);
  await world.client.workflow.getHandle(`${load.workflowId}/part-1`).terminate('by an operator');
  expect(await load.result()).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  // The terminated one could not return its own lease.
  expect((await ledger()).records).toMatchObject({ used: 20, granted: 20 });
});

it('waits when the org refuses a job despite a lease, and completes the load', async () => {
  await open({}, {});
  world.org.fault({
    kind: 'create',
    times: 1,
    action: { status: 400, errorCode: 'EXCEEDEDQUOTA', message: 'ExceededQuota : ApiBatchItems Limit exceeded.' },
  });
  const load = await start(10, 'refused');
  await expect.poll(async () => (await load.progress()).waitingFor).toContain('EXCEEDED_QUOTA');
  const { refused: until, waiting } = await ledger();
  expect(until?.code).toBe('EXCEEDED_QUOTA');
  expect((until?.until ?? 0) - Date.now()).toBeGreaterThan(4 * MINUTE);
  expect(waiting).toHaveLength(1);
  await load.cancel();
  await load.result();
});

it('costs a part few events and little time', async () => {
  await open({}, {});
  const load = await start(300, 'cheap', { part: { maxBytes: 2_200, maxConcurrent: 2 } });
  const { jobsTotal } = await load.result();
  expect(jobsTotal).toBeGreaterThan(5);
  const waits: number[] = [];
  for (let part = 2; part <= jobsTotal; part++) {
    const { events } = await world.client.workflow.getHandle(`${load.workflowId}/part-${part}`).fetchHistory();
    const scheduled = (type: string) =>
      events?.find((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === type);
    const ask = scheduled('requestLease');
    const create = scheduled('createJob');
    // One step; then a workflow task handles its end, a timer for the next heartbeat is set, and the job is created.
    expect(Number(create?.eventId) - Number(ask?.eventId)).toBe(7);
    const messages = events?.filter((event) => /externalWorkflow/i.test(Object.keys(event).join(' ')));
    expect(messages).toHaveLength(2);
    waits.push(millis(create?.eventTime) - millis(ask?.eventTime));
  }
  console.log(`From asking to the next step, in ms: ${waits.sort((a, b) => a - b).join(', ')}`);
  const summary = await ledger();
  expect(summary).toMatchObject({ records: { used: 300, granted: 0 }, batches: { used: jobsTotal }, waitingTotal: 0 });
});

function millis(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds) * 1000 + (time?.nanos ?? 0) / 1e6;
}

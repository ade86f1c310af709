/**
 * Two loads of one org wait for each other in real time: no request is refused, no row is lost, and a small urgent load
 * goes first.
 */
import { afterEach, expect, it } from 'vitest';
import type { OrgSummary } from '../../src/protocol/messages/allocation-messages.js';
import { DAYS_IN_A_MINUTE, MINUTE, openGoverned } from '../helpers/allocated-loads.js';
import type { Governed } from '../helpers/allocated-loads.js';
import { expectSound } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let governed: Governed;
let world: World;
const open = async (...args: Parameters<typeof openGoverned>): Promise<void> => {
  governed = await openGoverned(...args);
  ({ world } = governed);
};
const start: Governed['start'] = (...args) => governed.start(...args);
const ledger = (): Promise<OrgSummary> => governed.ledger();
const refused = (): number => governed.refused();
afterEach(() => governed.end());

it('makes the second of two loads wait until the window has room', async () => {
  await open({ recordsPerWindow: 45 }, { limits: { records: 45 } });
  const first = await start(30, 'first');
  await expect.poll(() => world.org.jobs().length, { timeout: 20_000 }).toBe(1);
  const began = Date.now();
  const second = await start(30, 'second');
  await expect.poll(async () => (await second.progress()).waitingFor, { timeout: 20_000 }).toContain('30 records');
  expect((await ledger()).waiting).toMatchObject([{ records: 30, holder: `${second.workflowId}/part-1`, priority: 3 }]);
  const results = await Promise.all([first.result(), second.result()]);
  for (const result of results) {
    expect(result).toMatchObject({ state: 'Completed', records: { total: 30, succeeded: 30 }, jobsTotal: 1 });
    expect(result.warnings).toBeUndefined();
    await expectSound(world, result);
  }
  expect(Date.now() - began).toBeGreaterThan(MINUTE - 5_000);
  expect(Date.now() - began).toBeLessThan(MINUTE + 25_000);
  expect(refused()).toBe(0);
  expect(world.org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
});

it('runs a small load with priority 1 between the parts of large ones', async () => {
  await open({ maxJobs: 1 }, { recordsPerSecond: 6 / DAYS_IN_A_MINUTE });
  const night = await start(120, 'night', { part: { maxBytes: 2_200, maxConcurrent: 2 } });
  await expect.poll(async () => (await ledger().catch(() => undefined))?.waitingTotal, { timeout: 20_000 }).toBe(1);
  const urgent = await start(5, 'urgent', { priority: 1 });
  await expect.poll(async () => (await ledger()).waiting[0]?.priority, { timeout: 20_000 }).toBe(1);
  expect(await urgent.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  const { parts } = await night.progress();
  expect(parts.filter(({ phase }) => phase === 'waiting').length).toBeGreaterThanOrEqual(2);
  expect(await night.result()).toMatchObject({ state: 'Completed', records: { succeeded: 120 } });
  const [job] = world.org.jobs().filter(({ processed }) => processed === 5);
  expect(world.org.jobs().indexOf(job as never)).toBeLessThanOrEqual(2);
});

/** An encrypted load is reset to each of its decisions: its final counts match the org. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { dataConverterFromEnvironment } from '../../src/codec/data-converter.js';
import { keyRing } from '../helpers/codec-keys.js';
import { accounts, expectSound, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const ROWS = 300;

let world: World;
beforeAll(async () => {
  world = await openWorld({}, inject('temporalAddress'), dataConverterFromEnvironment(keyRing()('k1').env));
});
afterAll(() => world.end());

it.each([0, 0.25, 0.5, 0.75, 1])(
  'an insert, reset to the decision at %d of its history',
  { timeout: 120_000 },
  async (share) => {
    const prefix = `R${share * 100}`;
    const rows = accounts(ROWS, (row, n) => ({ ...row, External_Id__c: `${prefix}-${n}` }));
    await world.org.setRecordsPerSecond(50);
    const before = world.org.jobs().length;
    const handle = await world.start({
      ...{ source: await world.csv(rows), operation: 'insert', part: { maxBytes: 6_000, maxConcurrent: 2 } },
      externalIdFieldName: undefined as never,
    });
    // Some parts have ended, some are running, some wait.
    const states = (): string[] =>
      world.org
        .jobs()
        .slice(before)
        .map(({ state }) => state);
    await expect.poll(() => states().filter((state) => state === 'JobComplete').length).toBeGreaterThanOrEqual(2);
    await expect.poll(() => states().includes('InProgress')).toBe(true);
    const workflow = world.client.workflow.getHandle(handle.workflowId);
    const { runId } = await workflow.describe();
    const { events } = await world.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
    const decisions = (events ?? []).filter(({ workflowTaskCompletedEventAttributes: done }) => done != null);
    expect(decisions.length).toBeGreaterThan(5);
    const at = decisions[Math.round(share * (decisions.length - 1))];
    await world.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: handle.workflowId, runId },
      reason: 'test',
      workflowTaskFinishEventId: at?.eventId as never,
      requestId: randomUUID(),
    });
    await world.org.setRecordsPerSecond(20_000);
    const result = await handle.result();
    expect((await workflow.describe()).runId).not.toBe(runId);
    expect(result).toMatchObject({ state: 'Completed', records: { total: ROWS, succeeded: ROWS }, balanced: true });
    const landed = world.org
      .records('Account')
      .filter(({ values }) => values.get('External_Id__c')?.startsWith(`${prefix}-`));
    expect(landed).toHaveLength(ROWS);
    await expectSound(world, result);
  },
);

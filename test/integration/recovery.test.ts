/**
 * Workflows of a load are terminated or reset: the load continues with what it had sent, and no row is applied twice.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { OrphanJobsInput, OrphanJobsResult } from '../../src/contract/orphan-jobs.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { accounts, expectSound, FAST, openWorld } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

function keyed(prefix: string, rows: Row[]): Row[] {
  return rows.map((row, i) => ({ ...row, External_Id__c: `${prefix}-${i + 1}` }));
}

/** Number of rows with a prefix by how often they were applied. */
function applied(prefix: string): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { values, applied: times } of world.org.records('Account')) {
    if (values.get('External_Id__c')?.startsWith(`${prefix}-`)) counts[times] = (counts[times] ?? 0) + 1;
  }
  return counts;
}

const once = (rows: number): Record<number, number> => ({ 1: rows });
const workflow = (id: string) => world.client.workflow.getHandle(id);

async function untilJob(state: string, after: number): Promise<void> {
  await expect.poll(() => world.org.jobs().slice(after).at(-1)?.state).toBe(state);
}

/** Resets to a point before everything that a workflow did after its first decision. */
async function reset(workflowId: string, runId: string): Promise<void> {
  await world.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    reason: 'test',
    workflowTaskFinishEventId: 3 as never,
    requestId: randomUUID(),
  });
}

async function expectAllOnce(handle: LoadHandle, prefix: string, rows: number): Promise<BulkLoadResult> {
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Completed', records: { total: rows, succeeded: rows }, balanced: true });
  expect(applied(prefix)).toEqual(once(rows));
  await expectSound(world, result);
  return result;
}

it('continues with the job of a part whose workflow was terminated while it polled', async () => {
  await world.org.setRecordsPerSecond(200);
  const before = world.org.jobs().length;
  const handle = await world.start({
    source: await world.csv(
      keyed('T1', accounts(600)).map(({ External_Id__c, ...row }) => ({
        External_Id__c: External_Id__c as string,
        ...row,
      })),
    ),
    operation: 'insert',
    externalIdFieldName: 'External_Id__c',
  });
  await untilJob('InProgress', before);
  await workflow(`${handle.workflowId}/part-1`).terminate('by an operator');
  await expectAllOnce(handle, 'T1', 600);
  await world.org.setRecordsPerSecond(20_000);
});

it('continues with the retry when its workflow was terminated', async () => {
  const rows = keyed('T2', accounts(50)).map((row, i) => (i < 10 ? { ...row, Description: '[locked once]' } : row));
  const handle = await world.start({
    source: await world.csv(rows),
    operation: 'insert',
    retry: { maxRounds: 2, initialWait: '3s', backoffCoefficient: 1 },
  });
  const retry = workflow(`${handle.workflowId}/retry`);
  await expect.poll(async () => (await retry.describe().catch(() => undefined))?.status.name).toBe('RUNNING');
  await retry.terminate('by an operator');
  const result = await expectAllOnce(handle, 'T2', 50);
  expect(result.retry.recovered).toBe(10);
});

it('continues with the remaining rows when the retry was terminated while its job ran', async () => {
  const rows = keyed('T6', accounts(600)).map((row) => ({ ...row, Description: '[locked once]' }));
  const before = world.org.jobs().length;
  const handle = await world.start({
    source: await world.csv(rows),
    operation: 'insert',
    poll: { ...FAST.poll, settleInterval: '1s' },
  });
  await untilJob('JobComplete', before);
  await world.org.setRecordsPerSecond(100);
  await expect.poll(() => world.org.jobs()[before + 1]?.processed ?? 0).toBeGreaterThan(100);
  await workflow(`${handle.workflowId}/retry`).terminate('by an operator');
  await expect.poll(() => world.org.jobs()[before + 1]?.state).toBe('Aborted');
  await world.org.setRecordsPerSecond(20_000);
  await expectAllOnce(handle, 'T6', 600);
});

it('sends rows again of a job that was aborted with the retry before its first row', async () => {
  const rows = keyed('T7', accounts(300)).map((row) => ({ ...row, Description: '[locked once]' }));
  const before = world.org.jobs().length;
  const handle = await world.start({ source: await world.csv(rows), operation: 'insert' });
  await untilJob('JobComplete', before);
  await world.org.setRecordsPerSecond(1);
  await expect.poll(() => world.org.jobs()[before + 1]?.state, { interval: 20 }).toBe('InProgress');
  await workflow(`${handle.workflowId}/retry`).terminate('by an operator');
  await expect.poll(() => world.org.jobs()[before + 1]?.state).toBe('Aborted');
  await world.org.setRecordsPerSecond(20_000);
  await expectAllOnce(handle, 'T7', 300);
});

it('inserts nothing again when a completed load is reset to its beginning', async () => {
  const rows = keyed('T3', accounts(60)).map((row, i) => (i < 6 ? { ...row, Description: '[locked once]' } : row));
  const handle = await world.start({ source: await world.csv(rows), operation: 'insert', part: { maxBytes: 2_000 } });
  const first = await expectAllOnce(handle, 'T3', 60);
  await reset(handle.workflowId, first.runId);
  const again = await expectAllOnce(handle, 'T3', 60);
  expect(again.runId).not.toBe(first.runId);
  expect(again.records).toEqual(first.records);
});

it('inserts nothing again when a running load is reset to its beginning', async () => {
  await world.org.setRecordsPerSecond(100);
  const before = world.org.jobs().length;
  const handle = await world.start({ source: await world.csv(keyed('T4', accounts(300))), operation: 'insert' });
  await untilJob('InProgress', before);
  await reset(handle.workflowId, (await handle.describe()).runId);
  await world.org.setRecordsPerSecond(20_000);
  await expectAllOnce(handle, 'T4', 300);
});

it('inserts nothing again when the workflow of a part is reset to its beginning', async () => {
  await world.org.setRecordsPerSecond(100);
  const before = world.org.jobs().length;
  const handle = await world.start({ source: await world.csv(keyed('T5', accounts(300))), operation: 'insert' });
  await untilJob('InProgress', before);
  const part = workflow(`${handle.workflowId}/part-1`);
  await reset(`${handle.workflowId}/part-1`, (await part.describe()).runId);
  await world.org.setRecordsPerSecond(20_000);
  await expectAllOnce(handle, 'T5', 300);
});

/** Resets to the decision after a child had started: its end belongs to the discarded run. */
async function resetBehindStartOf(child: string, workflowId: string, runId: string): Promise<void> {
  const { events } = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
  const at = events?.findIndex(
    ({ childWorkflowExecutionStartedEventAttributes: started }) => started?.workflowExecution?.workflowId === child,
  );
  const task = events?.slice(at).find(({ workflowTaskCompletedEventAttributes: task }) => task != null);
  await world.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    reason: 'test',
    workflowTaskFinishEventId: task?.eventId as never,
    requestId: randomUUID(),
  });
}

/** A terminated load whose part has ended since, reset to the moment after the part's start. */
async function resetWithoutEnd(prefix: string): Promise<LoadHandle> {
  await world.org.setRecordsPerSecond(200);
  const before = world.org.jobs().length;
  const handle = await world.start({ source: await world.csv(keyed(prefix, accounts(600))), operation: 'insert' });
  await untilJob('InProgress', before);
  const part = `${handle.workflowId}/part-1`;
  await workflow(handle.workflowId).terminate('by an operator');
  await expect.poll(async () => (await workflow(part).describe()).status.name, { timeout: 30_000 }).not.toBe('RUNNING');
  // The report of the part's end would otherwise reach the reset run.
  await sleep(1_000);
  await resetBehindStartOf(part, handle.workflowId, (await workflow(handle.workflowId).describe()).runId);
  await world.org.setRecordsPerSecond(20_000);
  return handle;
}

it(
  'continues by itself when it is reset to a moment before the end of a part that has ended',
  { timeout: 90_000 },
  async () => {
    await expectAllOnce(await resetWithoutEnd('T8'), 'T8', 600);
  },
);

it(
  'continues when the end of a part that its termination canceled arrives after the reset',
  { timeout: 90_000 },
  async () => {
    await world.org.setRecordsPerSecond(200);
    const before = world.org.jobs().length;
    const handle = await world.start({ source: await world.csv(keyed('T10', accounts(600))), operation: 'insert' });
    await untilJob('InProgress', before);
    const { runId } = await workflow(handle.workflowId).describe();
    await workflow(handle.workflowId).terminate('by an operator');
    await resetBehindStartOf(`${handle.workflowId}/part-1`, handle.workflowId, runId);
    await world.org.setRecordsPerSecond(20_000);
    await expectAllOnce(handle, 'T10', 600);
  },
);

it('ends when it is canceled after such a reset, and counts landed rows', { timeout: 90_000 }, async () => {
  // New rows in each try.
  const prefix = `T9-${randomUUID().slice(0, 4)}`;
  const handle = await resetWithoutEnd(prefix);
  // By then it has asked whether the part has ended.
  await sleep(7_000);
  await handle.cancel();
  const result = await handle.result();
  const landed = applied(prefix)[1] ?? 0;
  expect(landed).toBeGreaterThan(0);
  expect(result).toMatchObject({
    state: 'Canceled',
    balanced: true,
    records: { total: 600, succeeded: landed, unprocessed: 600 - landed, unaccounted: 0 },
  });
  expect(applied(prefix)).toEqual(once(landed));
});

it('reports no row as unprocessed for a part whose workflow is terminated after a cancellation, and names its job', async () => {
  await world.org.setRecordsPerSecond(200);
  const before = world.org.jobs().length;
  const handle = await world.start({ source: await world.csv(keyed('T11', accounts(600))), operation: 'insert' });
  await untilJob('InProgress', before);
  const jobId = world.org.jobs().at(-1)?.settings.id as string;
  world.org.fault({ kind: 'abort', action: 'hang' });
  const aborts = world.org.ledger.count('abort');
  await handle.cancel();
  await expect.poll(() => world.org.ledger.count('abort')).toBeGreaterThan(aborts);
  await workflow(`${handle.workflowId}/part-1`).terminate('by an operator');
  expect(await handle.result()).toMatchObject({
    state: 'Canceled',
    balanced: false,
    records: { total: 600, succeeded: 0, unprocessed: 0, unaccounted: 600 },
    error: { code: 'JOB_WORKFLOW_LOST', message: expect.stringContaining(jobId) as string },
  });
  await world.org.setRecordsPerSecond(20_000);
});

it('finds and aborts the job of a load that was terminated with all of its workflows', async () => {
  world.org.fault({ kind: 'upload', action: 'hang' });
  const before = world.org.ledger.count('upload');
  const handle = await world.start({ source: await world.csv(keyed('T6', accounts(5))) });
  await expect.poll(() => world.org.ledger.count('upload')).toBeGreaterThan(before);
  const part = workflow(`${handle.workflowId}/part-1`);
  const jobId = world.org.jobs().at(-1)?.settings.id;
  const ask = async (input: OrphanJobsInput): Promise<OrphanJobsResult> =>
    world.client.workflow.execute('orphanJobs', {
      workflowId: `orphans-${randomUUID()}`,
      taskQueue: world.taskQueue,
      args: [input],
    });
  expect((await ask({ olderThan: '0s', abort: true })).jobs).toEqual([]);
  await Promise.all([part.terminate('by an operator'), workflow(handle.workflowId).terminate('by an operator')]);
  await expect
    .poll(async () => (await ask({ olderThan: '0s' })).jobs)
    .toMatchObject([{ id: jobId, ours: true, aborted: false }]);
  expect((await ask({ abort: true })).jobs).toEqual([]);
  expect((await ask({ olderThan: '0s', abort: true })).jobs).toMatchObject([{ id: jobId, aborted: true }]);
  expect(world.org.jobs().find(({ settings }) => settings.id === jobId)?.state).toBe('Aborted');
  await expect(ask({ olderThan: 'soon' })).rejects.toMatchObject({ cause: { type: 'INVALID_INPUT' } });
});

/** Loads of one org share its allocation: nothing is refused, nothing is lost, and a small urgent load goes first. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { afterEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client.js';
import type { LoadHandle } from '../../src/client.js';
import type { BulkLoadInput } from '../../src/contract.js';
import { DEFAULT_ALLOCATION } from '../../src/salesforce/connections-allocation.js';
import type { Allocation } from '../../src/salesforce/connections-allocation.js';
import { connectionsFromEnvironment, openConnection } from '../../src/salesforce/settings.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { FileRoots } from '../../src/storage/roots.js';
import { startDevServer } from '../../src/workers/dev-server.js';
import type { DevServer } from '../../src/workers/dev-server.js';
import { findTemporalServer } from '../../src/workers/temporal-server.js';
import { startWorker } from '../../src/workers/worker.js';
import type { RunningWorker } from '../../src/workers/worker.js';
import { ALLOCATION_ID_PREFIX } from '../../src/workflows/allocation/messages.js';
import type { OrgSummary } from '../../src/workflows/allocation/messages.js';
import { accounts, expectSound, FAST, openWorld } from '../support/load.js';
import type { World } from '../support/load.js';

const MINUTE = 60_000;
/** In this org a day takes a minute, as in the ledger's window. */
const DAYS_IN_A_MINUTE = (24 * 60 * MINUTE) / MINUTE;

let world: World;
let governed: RunningWorker;
let connection: NativeConnection;
let taskQueue: string;
let server: DevServer | undefined;

async function open(
  allocation: Partial<Allocation>,
  options: SimulatorOptions,
  address = inject('temporalAddress'),
  workflowBundle: WorkflowBundleOption = { codePath: inject('workflowBundlePath') },
): Promise<void> {
  const began = Date.now();
  world = await openWorld({ now: () => began + (Date.now() - began) * DAYS_IN_A_MINUTE, ...options }, address);
  connection = await NativeConnection.connect({ address });
  taskQueue = `${world.taskQueue}-governed`;
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: world.org.url, SF_ACCESS_TOKEN: world.org.token });
  const worker = {
    connection,
    namespace: 'default',
    taskQueue,
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    allocations: new Map([['default', { ...DEFAULT_ALLOCATION, windowMs: MINUTE, ...allocation }]]),
    roots: await FileRoots.open([world.folder]),
    workflowBundle,
  };
  governed = await startWorker(worker);
}
afterEach(async () => {
  await governed.stop();
  await connection.close();
  await world.end();
  await server?.stop();
  server = undefined;
});

async function start(rows: number, name: string, more: Partial<BulkLoadInput> = {}): Promise<LoadHandle> {
  const keyed = accounts(rows, (row, n) => ({ ...row, External_Id__c: `${name}-${n}` }));
  return startBulkLoad(
    world.client,
    {
      source: await world.csv(keyed),
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      loadId: `${name}-${randomUUID().slice(0, 8)}`,
      ...FAST,
      ...more,
    },
    { taskQueue },
  );
}

const ledgerId = (): string => ALLOCATION_ID_PREFIX + new URL(world.org.url).host;

async function ledger(): Promise<OrgSummary> {
  return world.client.workflow.getHandle(ledgerId()).query<OrgSummary, [number]>('limits', Date.now());
}

const refused = () => world.org.ledger.requests.filter(({ kind, status }) => kind === 'create' && status >= 400).length;

it('lets the second of two loads wait until the window has room', async () => {
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

it('lets a small load of priority 1 go between the parts of big ones', async () => {
  await open({ maxJobs: 1 }, { recordsPerSecond: 20 / DAYS_IN_A_MINUTE });
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

it('gives back what a canceled load had asked for, and what was granted to nobody', async () => {
  await open({ recordsPerWindow: 45 }, {});
  const first = await start(40, 'first');
  await first.result();
  const second = await start(40, 'second');
  await expect.poll(async () => (await ledger()).waitingTotal, { timeout: 20_000 }).toBe(1);
  await second.cancel();
  await expect(second.result()).resolves.toMatchObject({ state: 'Canceled', records: { unprocessed: 40 } });
  expect(world.org.jobs()).toHaveLength(1);
  await expect
    .poll(ledger, { timeout: 10_000 })
    .toMatchObject({ waitingTotal: 0, jobsTotal: 0, records: { used: 40 } });
});

it('sleeps when the org refuses a job although the ledger had granted it, and loads all the same', async () => {
  await open({}, {});
  world.org.fault({
    kind: 'create',
    times: 1,
    action: { status: 400, errorCode: 'EXCEEDEDQUOTA', message: 'ExceededQuota : ApiBatchItems Limit exceeded.' },
  });
  const load = await start(10, 'refused');
  await expect.poll(async () => (await load.progress()).waitingFor, { timeout: 20_000 }).toContain('EXCEEDED_QUOTA');
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
    const ask = scheduled('askAllocation');
    const create = scheduled('createJob');
    // One step; then its end is seen by a workflow task, and the job is created.
    expect(Number(create?.eventId) - Number(ask?.eventId)).toBe(6);
    const messages = events?.filter((event) => /externalWorkflow/i.test(Object.keys(event).join(' ')));
    expect(messages).toHaveLength(2);
    waits.push(millis(create?.eventTime) - millis(ask?.eventTime));
  }
  console.log(`From asking to the next step, in ms: ${waits.sort((a, b) => a - b).join(', ')}`);
  const summary = await ledger();
  expect(summary).toMatchObject({ records: { used: 300, granted: 0 }, batches: { used: jobsTotal }, waitingTotal: 0 });
});

/** Parts that many holders ask for at once; a server that wants short histories. */
it('serves more than a thousand parts over many runs, whose histories all replay', { timeout: 400_000 }, async () => {
  const { path } = await findTemporalServer();
  const dynamicConfig = ['limit.historyCount.suggestContinueAsNew=500'];
  server = await startDevServer({ binary: path, uiPort: 'off', dynamicConfig });
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./allocation-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  await open({ maxJobs: 15, windowMs: 24 * 60 * MINUTE }, {}, server.address, { code });
  const holders = 30;
  const parts = 40;
  const waited = await Promise.all(
    Array.from({ length: holders }, (_, n) =>
      world.client.workflow.execute<(parts: number, records: number) => Promise<number>>('holdParts', {
        taskQueue,
        workflowId: `holder-${n}`,
        args: [parts, 10],
      }),
    ),
  );
  expect(waited.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(100);
  const total = holders * parts;
  expect(await ledger()).toMatchObject({
    records: { used: 10 * total, granted: 0 },
    batches: { used: total },
    jobsTotal: 0,
    waitingTotal: 0,
  });
  const runs = world.client.workflow.list({ query: `WorkflowId = "${ledgerId()}"` });
  let count = 0;
  for await (const { runId, workflowId } of runs) {
    const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: { code } }, history, workflowId);
    count++;
  }
  expect(count).toBeGreaterThan(5);
});

it(
  'goes on without a ledger that does not answer for two minutes, and the report says so',
  { timeout: 240_000 },
  async () => {
    await open({}, {});
    // Somebody else's, on a queue that nobody works on.
    await world.client.workflow.start('orgAllocation', { workflowId: ledgerId(), taskQueue: 'nobody', args: [{}] });
    const began = Date.now();
    const load = await start(10, 'alone');
    const result = await load.result();
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 10 } });
    expect(result.warnings).toEqual([expect.stringContaining('its ledger did not answer')]);
    expect(Date.now() - began).toBeGreaterThan(2 * MINUTE - 1_000);
    await world.client.workflow.getHandle(ledgerId()).terminate();
  },
);

function millis(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds) * 1000 + (time?.nanos ?? 0) / 1e6;
}

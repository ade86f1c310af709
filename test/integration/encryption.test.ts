/**
 * Encrypted payloads with a real server and real workers: no planted value is found in what Temporal stores; workers
 * with different keys, and with none, share an org; keys rotate during a load.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { RawValue } from '@temporalio/common';
import type { DataConverter, Payload } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { dataConverterFromEnvironment, workerConverter } from '../../src/codec/data-converter.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { DEFAULT_ALLOCATION } from '../../src/domain/platform/allocation-settings.js';
import { workflowBundle } from '../../src/workers/bundle.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { ALLOCATION_ID_PREFIX } from '../../src/protocol/messages/allocation-messages.js';
import type { OrgSummary } from '../../src/protocol/messages/allocation-messages.js';
import { failedTasksIn } from '../helpers/failed-tasks.js';
import { keyRing } from '../helpers/codec-keys.js';
import { nightload } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { startSimulator } from '../../src/simulator/index.js';
import { accounts, expectSound, FAST, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const address = inject('temporalAddress');
const ring = keyRing();
const OURS = dataConverterFromEnvironment(ring('k1').env);
const NONE = dataConverterFromEnvironment({});
const id = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

let world: World;
let clients: Connection;
let workers: NativeConnection;
/** How the org's workers write failures, whatever their keys: bundled once. */
let bundle: Awaited<ReturnType<typeof workflowBundle>>;
beforeAll(async () => {
  world = await openWorld({}, address, OURS);
  clients = await Connection.connect({ address });
  workers = await NativeConnection.connect({ address });
  bundle = await workflowBundle(OURS);
});
afterAll(async () => {
  await world.end();
  await workers.close();
  await clients.close();
});

const clientWith = (dataConverter: DataConverter): Client => new Client({ connection: clients, dataConverter });
const ledgerId = (): string => ALLOCATION_ID_PREFIX + new URL(world.org.url).host;

/** Another worker of the same org, on a separate task queue. */
async function workerWith(dataConverter: DataConverter, taskQueue: string, org = world.org): Promise<RunningWorker> {
  return startTestWorker(workers, org, world.folder, taskQueue, {
    dataConverter,
    ...(dataConverter.failureConverterPath !== undefined && { workflowBundle: bundle }),
    allocations: new Map([['default', { ...DEFAULT_ALLOCATION, maxJobs: 1 }]]),
  });
}

async function start(
  dataConverter: DataConverter,
  taskQueue: string,
  more: Partial<BulkLoadInput> & { loadId: string },
  rows = 30,
): Promise<LoadHandle & { joined: boolean }> {
  const keyed = accounts(rows, (row, n) => ({ ...row, External_Id__c: `${more.loadId}-${n}` }));
  const input = {
    source: await world.csv(keyed, `${more.loadId}.csv`),
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    ...FAST,
  } as const;
  return startBulkLoad(clientWith(dataConverter), { ...input, ...more }, { taskQueue });
}

/** All strings and bytes of a Temporal reply, as one text. */
function everythingIn(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('latin1')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(everythingIn).join('');
}

/** What the server stores of a workflow and of its children: histories, memo, summaries, running steps. */
async function kept(workflowId: string): Promise<string> {
  const execution = { workflowId };
  const { workflowService } = world.client;
  const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
  const described = await workflowService.describeWorkflowExecution({ namespace: 'default', execution });
  const children = (events ?? []).flatMap(
    (event) => event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId ?? [],
  );
  const own = everythingIn(events) + everythingIn(described);
  return own + (await Promise.all(children.map(kept))).join('');
}

it('no planted value is found in histories, memo, summaries, messages, queries and failures', async () => {
  const loadId = id('planted');
  const load = await start(OURS, world.taskQueue, {
    loadId,
    constants: { Description: 'PLANTED-CONSTANT' },
    keepColumns: true,
    retry: {
      ...FAST.retry,
      fixes: [{ code: 'PLANTED_CODE', do: 'replace', values: { 'PLANTED-FROM': 'PLANTED-TO' } }],
    },
  });
  await load.pause();
  await load.resume();
  const result = await load.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 30 } });
  // A load that fails: its message names the file.
  const lost = await startBulkLoad(
    world.client,
    {
      source: `file://${world.folder}/PLANTED-FILE.csv`,
      object: 'Account',
      operation: 'insert',
      loadId: id('lost'),
    },
    { taskQueue: world.taskQueue },
  );
  expect(await lost.result()).toMatchObject({
    error: { code: 'SOURCE_NOT_FOUND', message: /PLANTED-FILE/ as unknown },
  });
  const text = (await kept(load.workflowId)) + (await kept(lost.workflowId));
  const answers = await Promise.all(
    ['progress', 'soFar', '__temporal_workflow_metadata', '__stack_trace'].map((queryType) =>
      world.client.workflowService
        .queryWorkflow({ namespace: 'default', execution: { workflowId: load.workflowId }, query: { queryType } })
        .then(everythingIn),
    ),
  );
  expect(text.length).toBeGreaterThan(30_000);
  expect(text).toContain('binary/encrypted');
  expect(text).toContain('Encoded failure');
  const planted = [
    /planted-?(constant|code|from|to|file)/i,
    new RegExp(world.folder),
    /30 rows|External_Id__c/,
    /SOURCE_NOT_FOUND:|no such file/i,
  ];
  for (const pattern of planted) for (const said of [text, ...answers]) expect(pattern.exec(said)?.[0]).toBeUndefined();
  // Values that stay readable according to docs/encryption.md: ids, task queues, search attributes, types.
  for (const said of ['"Account"', 'SOURCE_NOT_FOUND', world.taskQueue]) expect(text).toContain(said);
  // Even with the keys, the ledger contains only what it needs.
  expect(await kept(ledgerId())).not.toMatch(/planted-?(constant|code|from|to|file)/i);
});

it('workers with other keys and without keys share the org: each waits for the others and gets its leases', async () => {
  const [theirs, none] = [id('theirs'), id('none')];
  const THEIRS = dataConverterFromEnvironment(ring('their').env);
  const both = [await workerWith(THEIRS, theirs), await workerWith(NONE, none)];
  await world.org.setRecordsPerSecond(40);
  // Three rounds, so that each waits for a lease from the ledger on another worker.
  const loads = await Promise.all(
    [0, 1].flatMap((n) => [
      start(OURS, world.taskQueue, { loadId: id(`ours-${n}`) }, 40),
      start(THEIRS, theirs, { loadId: id(`theirs-${n}`) }, 40),
      start(NONE, none, { loadId: id(`none-${n}`) }, 40),
    ]),
  );
  const results = await Promise.all(loads.map((load) => load.result()));
  for (const result of results) expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 40 } });
  const told = await Promise.all(
    loads.map(async ({ workflowId }) => {
      const { events } = await world.client.workflow.getHandle(`${workflowId}/part-1`).fetchHistory();
      return (events ?? []).some((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'granted');
    }),
  );
  expect(told.filter(Boolean).length).toBeGreaterThan(2);
  // Any client may query it.
  for (const dataConverter of [OURS, THEIRS, NONE]) {
    const summary = await clientWith(dataConverter).workflow.getHandle(ledgerId()).query<OrgSummary>('limits');
    expect(summary.records.used).toBeGreaterThanOrEqual(240);
  }
  // Without the keys, another worker's data is unreadable.
  await expect(
    clientWith(NONE)
      .workflow.getHandle(loads[1]?.workflowId ?? '')
      .result(),
  ).rejects.toMatchObject({
    code: 'CODEC_KEY_MISSING',
  });
  await world.org.setRecordsPerSecond(100_000);
  await Promise.all(both.map((worker) => worker.stop()));
});

const raw = (payload: Payload): RawValue => RawValue.fromPayload(payload);
const encoding = (name: string, text: string): Payload => ({
  metadata: { encoding: Buffer.from(name) },
  data: Buffer.from(text),
});
/** Unreadable for all. */
const foreign: Payload[] = [
  encoding('json/plain', '{"id": '),
  encoding('binary/zstd', 'x'),
  encoding('binary/encrypted', 'x'),
  {},
  {
    ...encoding('binary/encrypted', 'x'.repeat(60)),
    metadata: {
      encoding: Buffer.from('binary/encrypted'),
      'encryption-cipher': Buffer.from('AES-256-GCM'),
      'encryption-key-id': Buffer.from('lost'),
    },
  },
];

it('unreadable messages do not stop the ledger', async () => {
  const load = await start(OURS, world.taskQueue, { loadId: id('before-attack') });
  await load.result();
  const ledger = new Client({ connection: clients }).workflow.getHandle(ledgerId());
  for (const name of ['request', 'renew', 'settle', 'giveBack', 'learn']) {
    for (const payload of foreign) await ledger.signal(name, raw(payload));
  }
  await expect(ledger.query('requestStatus', raw(foreign[0] as Payload))).rejects.toThrow();
  const after = await start(OURS, world.taskQueue, { loadId: id('after-attack') });
  expect(await after.result()).toMatchObject({ state: 'Completed' });
  expect((await after.result()).warnings).toBeUndefined();
  const { events } = await world.client.workflow.getHandle(ledgerId()).fetchHistory();
  expect(failedTasksIn(events)).toEqual([]);
});

it('unreadable messages do not stop a load and its parts', async () => {
  const { client } = world;
  const load = await start(OURS, world.taskQueue, { loadId: id('attacked'), poll: { initialInterval: '3s' } });
  const parts = `${load.workflowId}/part-1`;
  await expect
    .poll(() =>
      client.workflow
        .getHandle(parts)
        .describe()
        .catch(() => undefined),
    )
    .toBeTruthy();
  const plain = new Client({ connection: clients }).workflow;
  for (const workflowId of [load.workflowId, parts]) {
    for (const name of ['pollNow', 'resume', 'partProgress', 'granted']) {
      for (const payload of foreign) await plain.getHandle(workflowId).signal(name, raw(payload));
    }
  }
  for (const payload of foreign) {
    await expect(
      plain.getHandle(load.workflowId).executeUpdate('submitCorrections', { args: [raw(payload)] }),
    ).rejects.toThrow();
  }
  expect(await load.result()).toMatchObject({ state: 'Completed', records: { succeeded: 30 } });
  for (const workflowId of [load.workflowId, parts]) {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    expect(failedTasksIn(events)).toEqual([]);
  }
});

it('a rotation during a load: the old key still reads, the new one writes', async () => {
  const taskQueue = id('rotating');
  // With a ledger of its own: that of the other tests may be on the queue of a worker that has ended.
  const org = await startSimulator();
  onTestFinished(() => org.close());
  const before = dataConverterFromEnvironment(ring('old').env);
  const after = dataConverterFromEnvironment(ring('new', 'old').env);
  const first = await workerWith(before, taskQueue, org);
  const load = await start(
    before,
    taskQueue,
    { loadId: id('rotated'), part: { maxBytes: 1_000, maxConcurrent: 1 } },
    60,
  );
  await expect.poll(async () => (await load.progress()).records.succeeded, { timeout: 30_000 }).toBeGreaterThan(0);
  await load.pause();
  await first.stop();
  const second = await workerWith(after, taskQueue, org);
  await load.resume();
  const rotated = clientWith(after).workflow.getHandle(load.workflowId);
  const result = await rotated.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 60 } });
  const text = await kept(load.workflowId);
  expect(text).toMatch(/\nold\n/);
  expect(text).toMatch(/\nnew\n/);
  await expect(load.result()).rejects.toMatchObject({
    code: 'CODEC_KEY_MISSING',
    message: /key "new".*only "old"/ as unknown,
  });
  // The same start is recognized with either of its keys.
  const again = startBulkLoad(
    clientWith(after),
    {
      ...FAST,
      source: 'file:///x.csv',
      object: 'Account',
      operation: 'insert',
      loadId: load.workflowId.slice('bulk-load/'.length),
    },
    { taskQueue },
  );
  await expect(again).rejects.toMatchObject({ code: 'ALREADY_LOADED', earlier: { state: 'Completed' } });
  // Replays an encrypted history, with the keys and without.
  const history = await world.client.workflow.getHandle(load.workflowId).fetchHistory();
  await Worker.runReplayHistory(
    { workflowBundle: bundle, dataConverter: workerConverter(after) },
    history,
    load.workflowId,
  );
  await expect(
    Worker.runReplayHistory({ workflowBundle: bundle, dataConverter: workerConverter(NONE) }, history, load.workflowId),
  ).rejects.toThrow();
  await second.stop();
});

it('a worker without the keys: the load waits, the command reports why, and the load completes once they are there', async () => {
  const taskQueue = id('keyless');
  const without = await workerWith(NONE, taskQueue);
  const loadId = id('mismatch');
  const load = await start(OURS, taskQueue, { loadId });
  const command = (args: string[], env: NodeJS.ProcessEnv = {}): Command =>
    nightload(args, { TEMPORAL_ADDRESS: address, NIGHTLOAD_TASK_QUEUE: taskQueue, ...env }, world.folder);
  const said = async (args: string[], env: NodeJS.ProcessEnv = ring('k1').env): Promise<string> => {
    const one = command(args, env);
    await one.ended;
    return one.stderr();
  };
  const stuck =
    /WORKFLOW_TASK_FAILED: no worker can run the workflow bulk-load\/mismatch-\S+, .*CODEC_KEY_MISSING: .*key "k1", and this process has no keys.*NIGHTLOAD_CODEC_KEYS/;
  await expect.poll(() => said(['status', loadId]), { timeout: 30_000 }).toMatch(stuck);
  // A command without the keys shows what Temporal knows, and what it cannot read.
  const blind = await said(['status', loadId], {});
  expect(blind).toMatch(/CODEC_KEY_MISSING: This was encrypted with the key "k1"/);
  expect(blind).toMatch(stuck);
  // Pause, resume and cancel need no payload.
  expect(await said(['pause', loadId], {})).toMatch(/: paused\./);
  expect(await said(['resume', loadId], {})).toMatch(/: resumed\./);
  await without.stop();
  const withKeys = await workerWith(OURS, taskQueue);
  const result = await load.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 30 } });
  const ended = await said(['status', loadId], {});
  expect(ended).toMatch(
    /CODEC_KEY_MISSING: bulk-load\/mismatch-\S+ has ended \(COMPLETED\), but its result cannot be read here\./,
  );
  const list = command(['list', '--json']);
  expect(await list.ended).toBe(0);
  expect(list.stderr()).toMatch(/The results of \d+ of these \d+ loads cannot be read here\. CODEC_KEY_MISSING/);
  const found = JSON.parse(list.stdout()) as { loadId: string; error?: { code: string } }[];
  expect(found.find((one) => one.loadId === loadId)).toMatchObject({
    state: 'COMPLETED',
    error: { code: 'CODEC_KEY_MISSING' },
  });
  const readable = command(['list', '--json'], ring('k1').env);
  await readable.ended;
  expect(readable.stdout()).toContain(`"loadId":"${loadId}","workflowId"`);
  await withKeys.stop();
});

it("a start that joins compares with the client's keys; without them it reports that", async () => {
  const taskQueue = id('joined');
  const loadId = id('join');
  // Without a worker, the input stays as it was started.
  const first = await start(OURS, taskQueue, { loadId });
  expect(first.joined).toBe(false);
  expect((await start(dataConverterFromEnvironment(ring('k3', 'k1').env), taskQueue, { loadId })).joined).toBe(true);
  await expect(start(NONE, taskQueue, { loadId })).rejects.toMatchObject({ code: 'CODEC_KEY_MISSING' });
  await expect(start({}, taskQueue, { loadId })).rejects.toMatchObject({
    code: 'CODEC_KEY_MISSING',
    message: expect.stringMatching(/no codec for it.*dataConverterFromEnvironment/) as string,
  });
  await expect(start(OURS, taskQueue, { loadId, priority: 1 })).rejects.toMatchObject({ code: 'LOAD_ID_IN_USE' });
  await first.cancel();
  await world.client.workflow.getHandle(first.workflowId).terminate();
  await sleep(0);
  await expectSound(world, await (await start(OURS, world.taskQueue, { loadId: id('sound') })).result());
});

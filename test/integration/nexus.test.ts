/** Loads from another namespace through Nexus: the example as the caller, on a real server. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure, CancelledFailure, NexusOperationFailure } from '@temporalio/common';
import { Client, WorkflowFailedError } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { LoadHandle, loadHandle } from '../../src/client/load-handle.js';
import { failedLoad } from '../../src/exports/contract.js';
import type { BulkLoadInput } from '../../src/exports/contract.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment } from '../../src/testing/test-environment.js';
import { accounts, FAST, quietWorkers } from '../helpers/load-harness.js';
import { compileExamples } from '../helpers/consumer-project.js';
import type { HostProject } from '../helpers/consumer-project.js';
import { freshNamespace } from '../helpers/namespace.js';

const endpoint = `nightload-${randomUUID().slice(0, 8)}`;
let world: NightloadTestEnvironment;
let project: HostProject;
let callers: Worker;
let running: Promise<void>;
let client: Client;

beforeAll(async () => {
  quietWorkers();
  const address = inject('temporalAddress');
  const [theirs, ours] = [await freshNamespace(address), await freshNamespace(address)];
  [world, project] = await Promise.all([
    startTestEnvironment({ address, namespace: ours }),
    compileExamples('nexus-caller'),
  ]);
  await world.connection.operatorService.createNexusEndpoint({
    spec: { name: endpoint, target: { worker: { namespace: ours, taskQueue: world.taskQueue } } },
  });
  callers = await Worker.create({
    connection: world.connection,
    namespace: theirs,
    taskQueue: 'callers',
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: project.path('nexus-caller/workflows.js'),
      logger: new DefaultLogger('ERROR'),
    }),
  });
  running = callers.run();
  client = new Client({ connection: world.client.connection, namespace: theirs });
});
afterAll(async () => {
  callers?.shutdown();
  await running;
  await project?.remove();
  await world?.close();
});

function call(input: BulkLoadInput) {
  return client.workflow.start('loadThroughNexus', {
    taskQueue: 'callers',
    workflowId: randomUUID(),
    args: [input, endpoint],
    workflowExecutionTimeout: '60s',
  });
}

async function load(name: string, count: number): Promise<BulkLoadInput> {
  const source = await world.csv(`${name}.csv`, accounts(count));
  const upsert = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' } as const;
  return { source, ...upsert, loadId: name, ...FAST };
}

/** The failure of the caller's workflow. */
async function failureOf(handle: Awaited<ReturnType<typeof call>>): Promise<unknown> {
  const error: unknown = await handle.result().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WorkflowFailedError);
  return (error as WorkflowFailedError).cause;
}

/** Why the operation was refused before there was a load. */
async function refusalOf(handle: Awaited<ReturnType<typeof call>>): Promise<unknown> {
  const failure = await failureOf(handle);
  expect(failure).toBeInstanceOf(NexusOperationFailure);
  expect(failedLoad(failure)).toBeUndefined();
  return (failure as NexusOperationFailure).cause?.cause;
}

it('returns the result to a caller in another namespace', async () => {
  expect(await (await call(await load('by-nexus', 150))).result()).toBe('Completed: 150 of 150');
  expect(await loadHandle(world.client, 'by-nexus').result()).toMatchObject({ records: { succeeded: 150 } });
});

it('names a load without an id after the request', async () => {
  const { loadId: _none, ...input } = await load('unnamed', 3);
  expect(await (await call(input)).result()).toBe('Completed: 3 of 3');
});

it('fails like the load: with its code and its result', async () => {
  const input = { ...(await load('missing', 1)), source: `file://${world.folder}/no-such-file.csv` };
  const failure = await failureOf(await call(input));
  expect(failure).toBeInstanceOf(NexusOperationFailure);
  const { cause } = failure as NexusOperationFailure;
  expect(cause).toBeInstanceOf(ApplicationFailure);
  expect(cause).toMatchObject({ type: 'SOURCE_NOT_FOUND' });
  expect(failedLoad(failure)).toMatchObject({ loadId: 'missing', state: 'Failed' });
});

it('joins the same load, and refuses a different one and one that was loaded', async () => {
  await world.org.setRecordsPerSecond(500);
  const input = await load('twice', 1_000);
  const before = world.org.jobs().length;
  const both = await Promise.all([call(input), call(input)]);
  await expect.poll(() => world.org.jobs().length).toBe(before + 1);
  const other = await refusalOf(await call({ ...input, priority: 1 }));
  expect(other).toMatchObject({ type: 'LOAD_ID_IN_USE', nonRetryable: true });
  expect(await Promise.all(both.map((handle) => handle.result()))).toEqual(Array(2).fill('Completed: 1000 of 1000'));
  expect(world.org.jobs()).toHaveLength(before + 1);
  const again = await refusalOf(await call(input));
  expect(again).toMatchObject({ type: 'ALREADY_LOADED', details: [{ earlier: { records: { succeeded: 1_000 } } }] });
  await world.org.setRecordsPerSecond(20_000);
});

it('refuses an invalid input', async () => {
  const refused = await refusalOf(await call({ ...(await load('bad', 1)), operation: 'merge' as 'upsert' }));
  expect(refused).toMatchObject({ type: 'INVALID_INPUT', message: expect.stringContaining('operation') as string });
});

it('passes on a cancellation: aborts the job and counts landed rows', async () => {
  await world.org.setRecordsPerSecond(200);
  const handle = await call(await load('canceled', 5_000));
  await expect.poll(() => world.org.jobs().at(-1)?.state).toBe('InProgress');
  await handle.cancel();
  await expect.poll(() => world.org.jobs().at(-1)?.state).toBe('Aborted');
  await world.org.setRecordsPerSecond(20_000);
  const failure = await failureOf(handle);
  const cause = failure instanceof NexusOperationFailure ? failure.cause : failure;
  expect(cause).toBeInstanceOf(CancelledFailure);
  const result = await new LoadHandle(world.client, 'bulk-load/canceled').result();
  expect(result).toMatchObject({ state: 'Canceled', records: { total: 5_000, unaccounted: 0 }, balanced: true });
});

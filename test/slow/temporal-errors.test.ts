/**
 * Errors between a command, Temporal and its workers: reported with their cause, and survived if they are transient.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, ServiceError } from '@temporalio/client';
import { heartbeat } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { queueStates, servesActivities } from '../../src/cli/shared/stuck-loads/task-queues.js';
import { keepAsking } from '../../src/client/retry-during-outage.js';
import { placeOf } from '../../src/client/temporal-errors.js';
import { startBrokenWorker } from '../helpers/broken-worker.js';
import { certificate } from '../helpers/certificate.js';
import { nightload } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { grpcFront } from '../helpers/grpc-front.js';
import { accounts, FAST, newLoadId, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { tlsFront } from '../helpers/tls-front.js';

const address = inject('temporalAddress');
let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

function run(args: string[], env: NodeJS.ProcessEnv = {}): Command {
  return nightload(args, { TEMPORAL_ADDRESS: address, NIGHTLOAD_TASK_QUEUE: world.taskQueue, ...env }, world.folder);
}

async function said(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const command = run(args, env);
  expect(await command.ended).toBe(1);
  return command.stderr();
}

it('an unknown namespace: commands and the worker name it and TEMPORAL_NAMESPACE', async () => {
  const env = { TEMPORAL_NAMESPACE: 'no-such' };
  const load = ['load', 'a.csv', '--object', 'Account', '--operation', 'insert', '--id', 'x'];
  for (const text of await Promise.all([said(['list'], env), said(['worker'], env), said(load, env)])) {
    expect(text).toMatch(/TEMPORAL_NAMESPACE_NOT_FOUND: The namespace "no-such" does not exist .*TEMPORAL_NAMESPACE/);
  }
});

it('TLS: with the right certificates everything works, otherwise commands and the worker report what to set', async () => {
  const authority = certificate('ours', { authority: true });
  const own = certificate('temporal', { by: authority, names: ['localhost', '127.0.0.1'] });
  const front = await tlsFront({ cert: own.cert, key: own.key }, address);
  await writeFile(join(world.folder, 'ca.pem'), authority.cert);
  await writeFile(join(world.folder, 'other.pem'), certificate('theirs', { authority: true }).cert);
  const at = { TEMPORAL_ADDRESS: front.address };
  const right = run(['list'], { ...at, TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(world.folder, 'ca.pem') });
  expect(await right.ended).toBe(0);
  for (const command of ['list', 'worker']) {
    const [plain, wrong] = await Promise.all([
      said([command], at),
      said([command], { ...at, TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(world.folder, 'other.pem') }),
    ]);
    expect(plain).toMatch(/TEMPORAL_CONNECTION_REFUSED: A server answers at .*TEMPORAL_TLS=true/);
    expect(wrong).toMatch(/TEMPORAL_CONNECTION_REFUSED: A server answers at .*TEMPORAL_TLS_SERVER_CA_CERT_PATH/);
  }
  expect(await said(['list'], { TEMPORAL_TLS: 'true' })).toMatch(/A server answers at .*does not use TLS/);
  await front.close();
});

it('a server that refuses requests for now is asked again, and the remedy is reported once', async () => {
  const { loadId } = await world.load({ source: await world.csv(accounts(3)) });
  const method = 'DescribeWorkflowExecution';
  const refusal = { method, status: 8, message: 'namespace rate limit exceeded', times: 3 };
  const front = await grpcFront(address, { refusal });
  // Without the SDK's own retries, which take half a minute before they let such a reply through.
  const connection = await Connection.connect({ address: front.address, interceptors: [] });
  const client = new Client({ connection });
  const told: string[] = [];
  let back = 0;
  const found = await keepAsking(() => client.workflow.getHandle(`bulk-load/${loadId}`).describe(), {
    place: placeOf(client),
    onSilence: (error) => told.push(`${error.code}: ${error.message}`),
    onAnswer: () => back++,
  });
  expect(found.status.name).toBe('COMPLETED');
  expect([front.refused, back]).toEqual([{ [method]: 3 }, 1]);
  expect(told).toEqual([
    `TEMPORAL_OVERLOADED: The Temporal server at ${front.address} accepts no more requests for now (namespace rate limit ` +
      'exceeded). Try again later; if the error persists, raise the limits of the namespace, or send fewer concurrent requests.',
  ]);
  await connection.close();
  await front.close();
});

it('a start whose reply is lost is found again, even if the load has ended meanwhile: one load', async () => {
  const source = await world.csv(accounts(5), 'lost.csv');
  const before = world.org.jobs().length;
  const loadId = newLoadId('lost');
  const input = {
    source,
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    loadId,
  } as const;
  let starts = 0;
  // As if a broken connection lost a pending reply.
  const client = new Client({
    connection: world.client.connection,
    interceptors: {
      workflow: [
        {
          async start(call, next) {
            const runId = await next(call);
            if (++starts > 1) return runId;
            await world.client.workflow.getHandle(call.options.workflowId).result();
            const cause = Object.assign(new Error('14'), { code: 14, details: 'Connection dropped', metadata: {} });
            throw new ServiceError('Failed to start Workflow', { cause });
          },
        },
      ],
    },
  });
  const told: string[] = [];
  const handle = await startBulkLoad(
    client,
    { ...FAST, ...input },
    { taskQueue: world.taskQueue, again: true, onSilence: ({ code }) => told.push(code) },
  );
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  expect([starts, told]).toEqual([1, ['TEMPORAL_NOT_REACHABLE']]);
  expect(world.org.jobs().slice(before)).toMatchObject([{ state: 'JobComplete' }]);
});

it('a workflow task that fails: status and load report the cause and the remedy, not a missing worker', async () => {
  const taskQueue = `broken-${randomUUID().slice(0, 8)}`;
  const connection = await NativeConnection.connect({ address });
  const worker = await startBrokenWorker(connection, taskQueue);
  const env = { NIGHTLOAD_TASK_QUEUE: taskQueue };
  await world.csv(accounts(3), 'stuck.csv');
  const words = ['--object', 'Account', '--operation', 'insert', '--id', taskQueue];
  const load = run(['load', 'stuck.csv', ...words], env);
  const told =
    /WORKFLOW_TASK_FAILED: no worker can run the workflow \S+, .*WorkflowWorkerUnhandledFailure: Cannot read \[31mproperties of undefined\)\. .*restart the workers/;
  await expect.poll(() => load.stderr()).toMatch(told);
  expect(load.stderr()).not.toContain('No worker polls');
  load.child.kill('SIGINT');
  expect(await load.ended).toBe(130);
  const status = run(['status', taskQueue, '--json'], env);
  expect(await status.ended).toBe(0);
  expect(status.stderr()).toMatch(told);
  expect(status.stderr()).not.toMatch(/No worker (answers|polls)|0 landed/);
  expect(JSON.parse(status.stdout())).toMatchObject({ waitingFor: expect.stringMatching(told) as string });
  await world.client.workflow.getHandle(`bulk-load/${taskQueue}`).terminate();
  await worker.stop();
  await connection.close();
});

it('a load of another version, and one whose data is too large: status explains what to do about each', async () => {
  const taskQueue = `other-${randomUUID().slice(0, 8)}`;
  const connection = await NativeConnection.connect({ address });
  const worker = await startBrokenWorker(connection, taskQueue);
  const start = async (object: string): Promise<string> => {
    const loadId = `${object}-${taskQueue}`;
    await world.client.workflow.start('bulkLoad', { workflowId: `bulk-load/${loadId}`, taskQueue, args: [{ object }] });
    return loadId;
  };
  const status = async (loadId: string): Promise<string> => {
    const command = run(['status', loadId], { NIGHTLOAD_TASK_QUEUE: taskQueue });
    await command.ended;
    return command.stderr();
  };
  const large = await start('Large');
  await expect
    .poll(() => status(large), { interval: 1_000 })
    .toMatch(/WORKFLOW_TASK_FAILED: .*larger parts \(--part-size\)/);
  const other = await start('OtherVersion');
  const begun = async (): Promise<boolean> => {
    const { events } = await world.client.workflow.getHandle(`bulk-load/${other}`).fetchHistory();
    return (events ?? []).some((event) => event.timerStartedEventAttributes != null);
  };
  await expect.poll(begun).toBe(true);
  await worker.stop();
  const ours = await startTestWorker(connection, world.org, world.folder, taskQueue);
  await world.client.workflow.getHandle(`bulk-load/${other}`).signal('pollNow');
  await expect
    .poll(() => status(other), { interval: 1_000 })
    .toMatch(/WORKFLOW_TASK_FAILED: .*a different version of nightload/);
  // The other one is left to this worker, which refuses its input.
  await world.client.workflow.getHandle(`bulk-load/${other}`).terminate();
  await ours.stop();
  await connection.close();
});

it('a worker with all of its slots in use is not reported as gone', async () => {
  const queue = `fixer-${randomUUID().slice(0, 8)}`;
  world.fixers.add(`correct@${queue}`);
  const connection = await NativeConnection.connect({ address });
  let busy = 0;
  let free = false;
  const worker = await Worker.create({
    connection,
    taskQueue: queue,
    maxConcurrentActivityTaskExecutions: 1,
    activities: {
      async correct({ rejected }: { rejected: string }) {
        for (busy++; !free; await sleep(500)) heartbeat();
        return { corrected: rejected };
      },
    },
  });
  const running = worker.run();
  const rows = (prefix: string) =>
    accounts(3, (row, n) => ({ ...row, External_Id__c: `${prefix}-${n}`, Name: n === 1 ? '' : 'x' }));
  const loads = await Promise.all(
    ['B1', 'B2'].map(async (prefix) =>
      world.start({
        source: await world.csv(rows(prefix)),
        retry: { ...FAST.retry, maxRounds: 1, fixer: { activity: 'correct', taskQueue: queue } },
      }),
    ),
  );
  await expect.poll(() => busy).toBe(1);
  await sleep(8_000);
  expect(busy).toBe(1);
  expect(await servesActivities(world.client, queue, world.taskQueue)).toBe(true);
  const states = await queueStates(world.client, { taskQueue: world.taskQueue, filesQueue: queue });
  expect(states.find((state) => state.queue === queue)).toMatchObject({ service: 'busy', waiting: 1 });
  free = true;
  await Promise.all(loads.map((load) => load.cancel().catch(() => undefined)));
  await Promise.all(loads.map((load) => load.result()));
  worker.shutdown();
  await running;
  await connection.close();
});

/** Runs of schedules that do not begin, told by a worker process; Temporal and the worker are killed in between. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Duration } from '@temporalio/common';
import { stringify } from 'csv-stringify/sync';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { NotifyMessage } from '../../src/contract/notification.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { watcherIdOf } from '../../src/protocol/messages/schedule-messages.js';
import { dueTime } from '../../src/activities/notify/previous-end.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { accounts } from '../helpers/load-harness.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { startWebhook } from '../helpers/webhook.js';
import type { Webhook } from '../helpers/webhook.js';

const QUEUE = 'nights';
const AUTO_UPGRADE = 2;
/** The grace is a second; a run without a reason is confirmed a second later. */
const SOON = { timeout: 60_000, interval: 200 };

let org: Simulator;
let folder: string;
let server: DevServer;
let connection: Connection;
let client: Client;
let hook: Webhook;
let env: Record<string, string>;
let worker: Command;

beforeAll(async () => {
  org = await startSimulator({ recordsPerSecond: 5_000 });
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-schedules-')));
  await mkdir(join(folder, 'data'));
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  hook = await startWebhook(() => 204);
  env = {
    TEMPORAL_ADDRESS: server.address,
    NIGHTLOAD_TASK_QUEUE: QUEUE,
    NIGHTLOAD_FILE_ROOTS: join(folder, 'data'),
    NIGHTLOAD_NOTIFY: join(folder, 'notify.json'),
    NIGHTLOAD_SCHEDULE_GRACE: '1s',
    NIGHTLOAD_UI_URL: 'https://temporal.acme.example',
    OPS_URL: hook.url,
    SF_INSTANCE_URL: org.url,
    SF_ACCESS_TOKEN: org.token,
  };
  await writeRules(['notStarted', 'recovered']);
  worker = await startWorkerProcess(env, folder);
});
afterEach(async () => {
  await killWorker();
  for await (const { scheduleId } of client.schedule.list()) await client.schedule.getHandle(scheduleId).delete();
  for await (const { workflowId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined);
  }
  await hook.close();
  await connection.close();
});

async function writeRules(when: string[]): Promise<void> {
  const targets = { ops: { type: 'webhook', url: 'env:OPS_URL', secret: 'a key of the webhook' } };
  const file = JSON.stringify({ targets, rules: [{ when, to: ['ops'] }] });
  await writeFile(join(folder, 'notify.json'), file, { mode: 0o600 });
}

async function startServer(port?: number, more: string[] = []): Promise<DevServer> {
  const { path } = await findTemporalServer();
  return startDevServer({
    binary: path,
    uiPort: 'off',
    dbFile: join(folder, 'temporal.db'),
    // The watcher continues as new after a few looks.
    dynamicConfig: ['limit.historyCount.suggestContinueAsNew=80', ...more],
    ...(port && { port }),
  });
}

async function killWorker(): Promise<void> {
  worker.child.kill('SIGKILL');
  await worker.ended;
}

/** A schedule as the command makes it, but due every few seconds. Without the file, its load waits for it. */
async function createSchedule(
  id: string,
  every: Duration,
  more: { paused?: boolean; loadId?: string; attribute?: string } = {},
): Promise<void> {
  const input: BulkLoadInput = {
    source: pathToFileURL(join(folder, `data/${id}.csv`)).href,
    ...{ object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', waitForSource: '1h' },
    poll: { initialInterval: '200ms', maximumInterval: '300ms', settleInterval: '100ms' },
  };
  await client.schedule.create({
    scheduleId: id,
    spec: { intervals: [{ every }] },
    action: {
      type: 'startWorkflow',
      workflowType: 'bulkLoad',
      workflowId: `bulk-load/${more.loadId ?? id}`,
      taskQueue: QUEUE,
      args: [input],
      ...(more.attribute !== undefined && { searchAttributes: { [more.attribute]: ['x'] } }),
    },
    // The shortest that Temporal knows.
    policies: { overlap: 'SKIP', catchupWindow: '10s' },
    state: { paused: more.paused === true },
  });
}

async function writeSource(id: string): Promise<void> {
  await writeFile(join(folder, `data/${id}.csv`), stringify(accounts(20), { header: true }));
}

function told(event: NotifyMessage['event'], schedule: string): NotifyMessage[] {
  const messages = hook.deliveries.map(({ message }) => message);
  return messages.filter((message) => message.event === event && message.schedule === schedule);
}

function reasons(schedule: string): (string | undefined)[] {
  return [...new Set(told('notStarted', schedule).map(({ error }) => error?.code))];
}

/** The watcher knows the schedules of now. */
async function looked(): Promise<void> {
  const watcher = client.workflow.getHandle(watcherIdOf(QUEUE));
  const state = async (): Promise<string> => {
    const { runId, historyLength } = await watcher.describe();
    return `${runId} ${historyLength}`;
  };
  // Two looks: one may have begun before the signal.
  for (let look = 0; look < 2; look++) {
    await watcher.signal('schedulesChanged');
    const before = await state();
    await expect.poll(state, SOON).not.toBe(before);
    await sleep(2_500);
  }
}

it('a skipped run is told once, also by the next worker; then the schedule recovers; a paused one is silent', async () => {
  await createSchedule('busy', '4s');
  await createSchedule('idle', '4s', { paused: true });
  await looked();
  await expect.poll(() => reasons('busy'), SOON).toEqual(['SCHEDULE_SKIPPED']);
  await killWorker();
  worker = await startWorkerProcess(env, folder);
  const before = told('notStarted', 'busy').length;
  await expect.poll(() => told('notStarted', 'busy').length, SOON).toBeGreaterThan(before + 1);
  const messages = told('notStarted', 'busy');
  expect(new Set(messages.map(({ dueAt }) => dueAt)).size).toBe(messages.length);
  expect(messages[0]).toMatchObject({
    loadId: expect.stringMatching(/^busy-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/),
    workflowId: expect.stringMatching(/^bulk-load\/busy-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    ...{ object: 'Account', operation: 'upsert', connection: 'default' },
    error: { message: expect.stringMatching(/^The run that was due at .* was skipped, because the load before it/) },
    uiUrl: 'https://temporal.acme.example/namespaces/default/schedules/busy',
  });
  expect(told('recovered', 'busy')).toEqual([]);
  await writeSource('busy');
  await expect.poll(() => told('recovered', 'busy').length, SOON).toBeGreaterThan(0);
  // Not the load that was in the way of the others.
  const first = Math.min(...told('notStarted', 'busy').map(({ dueAt }) => Date.parse(dueAt ?? '')));
  expect(dueTime(told('recovered', 'busy')[0]?.workflowId ?? '')).toBeGreaterThan(first);
  expect(reasons('busy')).toEqual(['SCHEDULE_SKIPPED']);
  const { raw } = await client.workflow.getHandle(watcherIdOf(QUEUE)).describe();
  expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(raw.workflowExecutionInfo?.execution?.runId);
  expect(told('notStarted', 'idle')).toEqual([]);
}, 180_000);

it('a run that Temporal did not catch up after its outage is told, with the number of others', async () => {
  await writeSource('away');
  await createSchedule('away', '4s');
  await looked();
  const { pid, address, ended } = server;
  process.kill(pid, 'SIGKILL');
  await ended;
  await sleep(25_000);
  expect(told('notStarted', 'away')).toEqual([]);
  server = await startServer(Number(address.split(':')[1]));
  await expect.poll(() => reasons('away'), SOON).toContain('SCHEDULE_MISSED');
  const messages = told('notStarted', 'away');
  expect(new Set(messages.map(({ dueAt }) => dueAt)).size).toBe(messages.length);
  expect(messages.map(({ error }) => error?.message).join()).toMatch(
    /Temporal was down .* due before it did not begin/,
  );
}, 180_000);

it('a run that Temporal refused to start is told, without a reason', async () => {
  const id = 'x'.repeat(200);
  await createSchedule('refused', '4s', { loadId: id, paused: true });
  const { pid, address, ended } = server;
  process.kill(pid, 'SIGKILL');
  await ended;
  server = await startServer(Number(address.split(':')[1]), ['limit.maxIDLength=180']);
  await client.schedule.getHandle('refused').unpause();
  await looked();
  await expect.poll(() => reasons('refused'), SOON).toEqual(['SCHEDULE_NOT_STARTED']);
  expect(told('notStarted', 'refused')[0]?.error?.message).toMatch(/ did not begin, and Temporal does not say why\./);
}, 180_000);

it('a schedule that Temporal cannot describe does not hide the others', async () => {
  const [attribute, KEYWORD] = ['ShortLived', 2];
  const { operatorService } = connection;
  await operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { [attribute]: KEYWORD } });
  const create = (): Promise<void> => createSchedule('broken', '4s', { attribute, paused: true });
  await vi.waitFor(create, { timeout: 60_000, interval: 500 });
  await operatorService.removeSearchAttributes({ namespace: 'default', searchAttributes: [attribute] });
  await expect(client.schedule.getHandle('broken').describe()).rejects.toThrow();
  await createSchedule('beside', '4s');
  await looked();
  await expect.poll(() => reasons('beside'), SOON).toEqual(['SCHEDULE_SKIPPED']);
}, 180_000);

it('the commands that change a schedule tell the watcher', async () => {
  const words = ['--cron', '0 1 * * *', '--source', 'data/night.csv', '--object', 'Account', '--operation', 'insert'];
  const watcher = client.workflow.getHandle(watcherIdOf(QUEUE));
  const signals = async (): Promise<number> => {
    const { events } = await watcher.fetchHistory();
    return (events ?? []).filter(({ workflowExecutionSignaledEventAttributes: one }) => one != null).length;
  };
  const commands = [
    ['create', 'night', ...words, '--heartbeat-url', 'nightly'],
    ['pause', 'night'],
    ['resume', 'night'],
  ];
  for (const [n, command] of [...commands, ['delete', 'night']].entries()) {
    expect(await nightload(['schedule', ...command], env, folder).ended).toBe(0);
    expect(await signals()).toBe(n + 1);
    if (n === 0) {
      const { action } = await client.schedule.getHandle('night').describe();
      expect(action.args?.[0]).toMatchObject({ heartbeatUrl: 'nightly' });
    }
  }
}, 120_000);

it('only the watcher of the queue reads schedules, and it ends when no rule asks for it', async () => {
  const forged = await client.workflow.start('watchSchedules', { workflowId: 'mine', taskQueue: QUEUE });
  await expect(forged.result()).rejects.toMatchObject({ cause: { cause: { type: 'CALLER_REFUSED' } } });
  const watcher = client.workflow.getHandle(watcherIdOf(QUEUE));
  const state = async (): Promise<string> => (await watcher.describe()).status.name;
  expect(await state()).toBe('RUNNING');
  await killWorker();
  await writeRules(['failed']);
  worker = await startWorkerProcess(env, folder);
  await watcher.signal('schedulesChanged');
  await expect.poll(state, SOON).toBe('COMPLETED');
}, 120_000);

it('the watcher moves to the current version of the workers, and back to workers without one', async () => {
  const versioned = { ...env, NIGHTLOAD_DEPLOYMENT: 'watched', NIGHTLOAD_BUILD_ID: 'a' };
  const deployment = { namespace: 'default', deploymentName: 'watched', identity: 'test' };
  const behavior = async (): Promise<number> => {
    const { raw } = await client.workflow.getHandle(watcherIdOf(QUEUE)).describe();
    return Number(raw.workflowExecutionInfo?.versioningInfo?.behavior ?? 0);
  };
  await looked();
  expect(await behavior()).toBe(0);
  await killWorker();
  worker = await startWorkerProcess(versioned, folder);
  const { workflowService } = client;
  const makeCurrent = (buildId: string): Promise<unknown> =>
    workflowService.setWorkerDeploymentCurrentVersion({ ...deployment, buildId, ignoreMissingTaskQueues: true });
  await vi.waitFor(() => makeCurrent('a'), { timeout: 30_000, interval: 250 });
  await looked();
  expect(await behavior()).toBe(AUTO_UPGRADE);
  await killWorker();
  await makeCurrent('');
  worker = await startWorkerProcess(env, folder);
  await looked();
  expect(await behavior()).toBe(0);
}, 180_000);

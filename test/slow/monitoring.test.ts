/** A worker process with `NIGHTLOAD_METRICS_ADDRESS`: its numbers against results, and its readiness. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { METRICS, PROCESS_METRICS } from '../../src/domain/metrics.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment } from '../../src/testing/test-environment.js';
import { startBrokenWorker } from '../helpers/broken-worker.js';
import { grpcFront } from '../helpers/grpc-front.js';
import { parseExposition } from '../helpers/exposition.js';
import type { Exposition } from '../helpers/exposition.js';
import { accounts, FAST, newLoadId } from '../helpers/load-harness.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';

const address = inject('temporalAddress');
let world: NightloadTestEnvironment;
beforeAll(async () => {
  world = await startTestEnvironment({ address, worker: false, org: { recordsPerSecond: 1e6, queueDelayMs: 0 } });
});
afterAll(async () => {
  await world?.close();
});

interface Monitored extends Command {
  url: string;
  get(path: string, method?: string): Promise<{ status: number; text: string }>;
  metrics(): Promise<Exposition>;
}

/** A worker of the test's task queue, with its pages on a free port. */
async function work(env: Record<string, string> = {}): Promise<Monitored> {
  const worker = await startWorkerProcess(
    {
      ...{ TEMPORAL_ADDRESS: address, NIGHTLOAD_TASK_QUEUE: world.taskQueue },
      ...{ SF_INSTANCE_URL: world.org.url, SF_ACCESS_TOKEN: world.org.token },
      ...{ NIGHTLOAD_METRICS_ADDRESS: '127.0.0.1:0', ...env },
    },
    world.folder,
  );
  onTestFinished(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
  });
  await expect.poll(() => worker.stderr(), { timeout: 10_000 }).toContain('Metrics on');
  const url = /Metrics on (http:\S+)\/metrics/.exec(worker.stderr())?.[1] as string;
  const get: Monitored['get'] = async (path, method = 'GET') => {
    const reply = await fetch(url + path, { method });
    return { status: reply.status, text: await reply.text() };
  };
  return { ...worker, url, get, metrics: async () => parseExposition((await get('/metrics')).text) };
}

async function start(source: string, input: Partial<BulkLoadInput> = {}): Promise<LoadHandle> {
  const common = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', ...FAST } as const;
  return startBulkLoad(
    world.client,
    { ...common, loadId: newLoadId('m'), source, ...input },
    { taskQueue: world.taskQueue },
  );
}

it('counts what results say, once, over the death of a worker', { timeout: 90_000 }, async () => {
  const first = await work();
  const source = await world.csv(
    'rows.csv',
    accounts(60, (row, n) => ({ ...row, ...(n <= 3 ? { Name: `${n} [locked once]` } : n === 4 ? { Name: '' } : {}) })),
  );
  const asked = world.org.ledger.requests.length;
  const result = await (await start(source, { part: { maxBytes: 2_000 } })).result();
  expect(result).toMatchObject({ state: 'CompletedWithRejects', records: { succeeded: 59, rejected: 1 } });
  const seen = await first.metrics();
  const account = { object: 'Account', connection: 'default' };
  expect(seen.sum('nightload_rows_total', { outcome: 'succeeded', ...account })).toBe(59);
  expect(seen.sum('nightload_rows_total', { outcome: 'rejected', ...account })).toBe(1);
  expect(seen.sum('nightload_rows_total')).toBe(result.records.total);
  expect(seen.sum('nightload_retry_recovered_rows_total')).toBe(result.retry.recovered);
  expect(seen.sum('nightload_lock_failures_total')).toBe(3);
  expect(seen.sum('nightload_jobs_total', { state: 'JobComplete' })).toBe(result.jobsTotal);
  expect(seen.sum('nightload_loads_total', { state: 'CompletedWithRejects' })).toBe(1);
  expect(seen.sum('nightload_load_duration_seconds_count')).toBe(1);
  expect(seen.sum('nightload_load_finish_timestamp_seconds')).toBeCloseTo(Date.now() / 1_000, -2);
  expect(seen.sum('nightload_wait_seconds_count', { reason: 'retry' })).toBe(result.retry.rounds);
  expect(seen.sum('nightload_poll_lateness_seconds_count')).toBeGreaterThanOrEqual(result.jobsTotal);
  // Those of the ledger, which reads limits, are not the load's.
  expect(seen.sum('nightload_api_requests_total')).toBe(world.org.ledger.requests.length - asked);
  expect(seen.sum('nightload_api_requests_total', { kind: 'upload' })).toBe(result.jobsTotal);
  expect(seen.sum('nightload_bytes_total', { direction: 'upload' })).toBeGreaterThan(60 * 20);
  expect(seen.sum('nightload_bytes_total', { direction: 'download' })).toBeGreaterThan(60 * 20);
  expect(seen.sum('nightload_org_api_requests_remaining', { connection: 'default' })).toBeGreaterThan(0);

  // Two parts, one after the other: the worker dies while the second one runs, and another one replays the first.
  const before = world.org.jobs().length;
  await world.org.setRecordsPerSecond(10);
  const handle = await start(await world.csv('more.csv', accounts(40)), {
    part: { maxBytes: 1_200, maxConcurrent: 1 },
  });
  await expect.poll(() => world.org.jobs().length - before, { timeout: 40_000 }).toBe(2);
  const dying = await first.metrics();
  first.child.kill('SIGKILL');
  await world.org.setRecordsPerSecond(1e6);
  const second = await work();
  const later = await handle.result();
  const rest = await second.metrics();
  expect(later).toMatchObject({ state: 'Completed', records: { succeeded: 40 } });
  const jobs = dying.sum('nightload_jobs_total') - seen.sum('nightload_jobs_total') + rest.sum('nightload_jobs_total');
  expect(jobs).toBe(later.jobsTotal);
  expect(dying.sum('nightload_jobs_total')).toBeGreaterThan(seen.sum('nightload_jobs_total'));
  expect(rest.sum('nightload_rows_total', { outcome: 'succeeded' })).toBe(40);
  expect(rest.sum('nightload_loads_total')).toBe(1);
  expect(rest.sum('nightload_load_duration_seconds_count')).toBe(1);
});

it('serves only what it documents: names, types, help, labels in snake case, and nothing that is secret', async () => {
  const worker = await work();
  const { text } = await worker.get('/metrics');
  const { series, types, help } = parseExposition(text);
  const known: Record<string, { kind: string; help: string }> = { ...METRICS, ...PROCESS_METRICS };
  const ours = Object.keys(types).filter((name) => name.startsWith('nightload_'));
  for (const name of ours)
    expect([name, types[name], help[name]]).toEqual([name, known[name]?.kind, known[name]?.help]);
  for (const { name, labels } of series.filter((one) => one.name.startsWith('nightload_'))) {
    for (const label of Object.keys(labels)) expect([name, label]).toEqual([name, expect.stringMatching(/^[a-z_]+$/)]);
  }
  expect(text).not.toContain(world.org.token);
  expect((await worker.get('/healthz')).status).toBe(200);
  expect((await worker.get('/')).status).toBe(404);
  expect((await worker.get('/__proto__')).status).toBe(404);
  expect((await worker.get('/metrics', 'POST')).status).toBe(405);
});

it('is not ready without Temporal, and is again afterwards', async () => {
  let front = await grpcFront(address);
  const worker = await work({ TEMPORAL_ADDRESS: front.address });
  await expect.poll(() => worker.get('/readyz'), { timeout: 20_000 }).toEqual({ status: 200, text: 'ready\n' });
  await front.close();
  const away = { status: 503, text: 'Temporal does not answer.\n' };
  await expect.poll(() => worker.get('/readyz'), { timeout: 20_000 }).toEqual(away);
  expect((await worker.get('/healthz')).status).toBe(200);
  expect((await worker.get('/metrics')).status).toBe(200);
  front = await grpcFront(address, { port: Number(front.address.split(':')[1]) });
  onTestFinished(() => front.close());
  await expect.poll(async () => (await worker.get('/readyz')).status, { timeout: 30_000 }).toBe(200);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
});

it('is not ready while it fails workflow tasks of its own types', { timeout: 90_000 }, async () => {
  const { client, taskQueue } = world;
  const native = await NativeConnection.connect({ address });
  onTestFinished(() => native.close());
  // Another version began these workflows: this one cannot replay them.
  const broken = await startBrokenWorker(native, taskQueue);
  const args = [{ object: 'OtherVersion', operation: 'insert', source: 'file:///none.csv' }];
  const stuck = await client.workflow.start('bulkLoad', { workflowId: `bulk-load/${randomUUID()}`, taskQueue, args });
  await expect
    .poll(async () => (await stuck.fetchHistory()).events?.some((one) => one.timerStartedEventAttributes), {
      timeout: 20_000,
    })
    .toBe(true);
  await broken.stop();
  const worker = await work();
  await expect.poll(async () => (await worker.get('/readyz')).status, { timeout: 20_000 }).toBe(200);
  // Anyone may start a type that does not exist: that shows nothing about the worker.
  const foreign = await client.workflow.start('nobodys', { workflowId: randomUUID(), taskQueue });
  onTestFinished(async () => void (await foreign.terminate()));
  await expect.poll(() => worker.stderr(), { timeout: 20_000 }).toContain('nobodys');
  expect((await worker.get('/readyz')).status).toBe(200);
  await stuck.signal('pollNow');
  const failing = { status: 503, text: 'Workflow tasks fail on this worker: bulkLoad.\n' };
  await expect.poll(() => worker.get('/readyz'), { timeout: 30_000 }).toEqual(failing);
  expect((await worker.metrics()).sum('nightload_workflow_task_failures_total')).toBeGreaterThan(0);
  await stuck.terminate();
  await (await start(await world.csv('good.csv', accounts(2)))).result();
  await expect.poll(() => worker.get('/readyz'), { timeout: 20_000 }).toEqual({ status: 200, text: 'ready\n' });
});

it('explains an address that is wrong or in use, before it connects to anything', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await new Promise((done) => taken.once('listening', done));
  const { port } = taken.address() as AddressInfo;
  const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', SF_INSTANCE_URL: world.org.url, SF_ACCESS_TOKEN: world.org.token };
  const run = async (value: string): Promise<string> => {
    const command = nightload(['worker'], { ...env, NIGHTLOAD_METRICS_ADDRESS: value }, world.folder);
    expect(await command.ended).toBe(1);
    return command.stderr();
  };
  expect(await run(`127.0.0.1:${port}`)).toContain(
    `METRICS_ADDRESS_UNAVAILABLE: Cannot serve metrics on 127.0.0.1:${port}: another program uses this port.`,
  );
  expect(await run('9464')).toContain(
    'METRICS_ADDRESS_INVALID: NIGHTLOAD_METRICS_ADDRESS is "9464"; write it as host:port',
  );
});

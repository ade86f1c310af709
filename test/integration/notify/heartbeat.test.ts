/** Heartbeats of loads, from a worker process to a monitoring service that is not always there. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import type { LoadHandle } from '../../../src/client/load-handle.js';
import { startBulkLoad } from '../../../src/client/start-load.js';
import type { BulkLoadInput } from '../../../src/contract/load-input.js';
import { startSimulator } from '../../../src/simulator/index.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { accounts, newLoadId } from '../../helpers/load-harness.js';
import { startWorkerProcess } from '../../helpers/run-cli.js';
import type { Command } from '../../helpers/run-cli.js';

const TOKEN = '5b0b7c1e-secret-token';
const taskQueue = `heartbeat-${randomUUID().slice(0, 8)}`;

let org: Simulator;
let folder: string;
let worker: Command;
let connection: Connection;
let service: Server;
let answer: (response: ServerResponse, path: string) => void;
let pings: string[];

beforeAll(async () => {
  org = await startSimulator({ recordsPerSecond: 5_000 });
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-heartbeat-')));
  await mkdir(join(folder, 'data'));
  connection = await Connection.connect({ address: inject('temporalAddress') });
  service = createServer((request, response) => {
    const path = (request.url ?? '').replace(`/${TOKEN}`, '');
    pings.push(path);
    answer(response, path);
  });
  await new Promise<void>((done) => service.listen(0, '127.0.0.1', done));
  const NIGHTLOAD_NOTIFY = join(folder, 'notify.json');
  const file = { targets: {}, rules: [], heartbeats: { nightly: 'env:HC_NIGHTLY' } };
  await writeFile(NIGHTLOAD_NOTIFY, JSON.stringify(file), { mode: 0o600 });
  worker = await startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      NIGHTLOAD_TASK_QUEUE: taskQueue,
      NIGHTLOAD_FILE_ROOTS: join(folder, 'data'),
      NIGHTLOAD_NOTIFY,
      HC_NIGHTLY: `http://127.0.0.1:${(service.address() as AddressInfo).port}/${TOKEN}`,
      HC_OTHER: 'https://other.example/secret',
      SF_INSTANCE_URL: org.url,
      SF_ACCESS_TOKEN: org.token,
    },
    folder,
  );
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  service.closeAllConnections();
  service.close();
  await connection.close();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  pings = [];
  answer = (response) => void response.end('OK');
});

async function start(rows: object[], heartbeatUrl: string, more: Partial<BulkLoadInput> = {}): Promise<LoadHandle> {
  const loadId = newLoadId('hb');
  const source = join(folder, `data/${loadId}.csv`);
  await writeFile(source, stringify(rows, { header: true }));
  const input: BulkLoadInput = {
    source: pathToFileURL(source).href,
    ...{ object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' },
    loadId,
    heartbeatUrl,
    poll: { initialInterval: '200ms', maximumInterval: '300ms', settleInterval: '100ms' },
    ...more,
  };
  return startBulkLoad(new Client({ connection }), input, { taskQueue });
}

it('a load pings its begin and its end, by name or by the reference in the file; nothing of it is in the history', async () => {
  const good = await start(accounts(20), 'nightly');
  await good.result();
  await expect.poll(() => pings).toEqual(['/start', '']);
  const partly = await start(
    accounts(20, (row, n) => (n === 1 ? { ...row, Name: 'x'.repeat(300) } : row)),
    'env:HC_NIGHTLY',
  );
  expect(await partly.result()).toMatchObject({ state: 'CompletedWithRejects' });
  await expect.poll(() => pings.slice(2)).toEqual(['/start', '']);
  const client = new Client({ connection });
  for (const id of [good.workflowId, await heartbeatOf(client, good)]) {
    const history = historyToJSON(await client.workflow.getHandle(id).fetchHistory());
    // Payloads are in base64.
    const decoded = history.replace(/"([A-Za-z0-9+/]{8,}=*)"/g, (_, text: string) =>
      Buffer.from(text, 'base64').toString(),
    );
    expect(decoded.includes('nightly')).toBe(true);
    expect((history + decoded).includes(TOKEN)).toBe(false);
  }
  expect(worker.stderr() + worker.stdout()).not.toContain(TOKEN);
});

async function heartbeatOf(client: Client, { workflowId }: LoadHandle): Promise<string> {
  const query = `WorkflowType = 'sendHeartbeat' AND WorkflowId STARTS_WITH '${workflowId}/'`;
  let found: string | undefined;
  await expect
    .poll(async () => {
      for await (const one of client.workflow.list({ query })) found = one.workflowId;
      return found;
    })
    .toBeDefined();
  return found as string;
}

it('a failed and a canceled load ping their failure', async () => {
  const failed = await start([{ Label: 'no field' }], 'nightly');
  await failed.result().catch(() => undefined);
  await expect.poll(() => pings).toEqual(['/start', '/fail']);
  const canceled = await start(accounts(200), 'nightly', { part: { maxBytes: 1_000, maxConcurrent: 1 } });
  await expect.poll(() => pings).toHaveLength(3);
  await canceled.cancel();
  await canceled.result().catch(() => undefined);
  await expect.poll(() => pings.slice(2)).toEqual(['/start', '/fail']);
});

it('a service that hangs and fails holds up no load, and gets the end later', async () => {
  let errors = 0;
  answer = (response, path) => {
    // The start is never answered; the end is refused twice.
    if (path === '/start') return;
    if (errors++ < 2) response.writeHead(500).end();
    else response.end('OK');
  };
  const load = await start(accounts(20), 'nightly');
  expect(await load.result()).toMatchObject({ state: 'Completed' });
  await expect.poll(() => pings.filter((path) => path === ''), { timeout: 60_000 }).toHaveLength(3);
});

it.each(['weekly', 'env:HC_OTHER', 'file:/etc/hostname'])(
  '%s, which is not in the file, is a warning',
  async (name) => {
    const load = await start(accounts(20), name);
    const { state, warnings } = await load.result();
    expect(state).toBe('Completed');
    expect(warnings).toEqual([expect.stringMatching(/^HEARTBEAT_UNKNOWN: .* \(there: nightly\)/)]);
    expect(pings).toEqual([]);
  },
);

it('an address is refused before anything starts, and not repeated', async () => {
  const refused = await start(accounts(1), `https://hc.example/${TOKEN}`).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'INVALID_INPUT' });
  expect(String(refused)).toMatch(/the name of a heartbeat in the workers' notify file/);
  expect(String(refused)).not.toContain(TOKEN);
});

/** Workers that are killed while they send a message: at each moment, people get it once. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { NotifyResult } from '../../src/protocol/activities/notify-types.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { startMailServer } from '../helpers/smtp.js';
import { startWebhook } from '../helpers/webhook.js';

/** A killed worker is noticed by its missing heartbeat. */
const NOTICED_MS = 150_000;

let org: Simulator;
let folder: string;
let connection: Connection;
let env: Record<string, string>;
let workers: Command[];

beforeEach(async () => {
  org = await startSimulator();
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-notify-')));
  await mkdir(join(folder, 'data'));
  connection = await Connection.connect({ address: inject('temporalAddress') });
  workers = [];
  env = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    NIGHTLOAD_TASK_QUEUE: `notify-${randomUUID().slice(0, 8)}`,
    NIGHTLOAD_FILE_ROOTS: join(folder, 'data'),
    NIGHTLOAD_NOTIFY: join(folder, 'notify.json'),
    SF_INSTANCE_URL: org.url,
    SF_ACCESS_TOKEN: org.token,
  };
});
afterEach(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await connection.close();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function configure(target: object): Promise<void> {
  const file = { targets: { ops: target }, rules: [{ when: ['failed'], to: ['ops'] }] };
  await writeFile(env['NIGHTLOAD_NOTIFY'] as string, JSON.stringify(file), { mode: 0o600 });
}

async function startWorker(): Promise<void> {
  workers.push(await startWorkerProcess(env, folder));
}

/** Ends with a bad header. @returns the result of the messages' workflow, once it has ended */
async function failLoad(): Promise<() => Promise<NotifyResult>> {
  const source = join(folder, 'data/bad.csv');
  await writeFile(source, 'No Such Field\n1\n');
  const client = new Client({ connection });
  const loadId = `n-${randomUUID().slice(0, 8)}`;
  const input = { source: pathToFileURL(source).href, object: 'Account', operation: 'insert' as const, loadId };
  const handle = await startBulkLoad(client, input, { taskQueue: env['NIGHTLOAD_TASK_QUEUE'] as string });
  await handle.result().catch(() => undefined);
  return async () => {
    for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'sendNotifications'" })) {
      if (workflowId.startsWith(`bulk-load/${loadId}/`))
        return client.workflow.getHandle(workflowId).result() as Promise<NotifyResult>;
    }
    throw new Error('no message was started');
  };
}

async function killAndReplace(): Promise<void> {
  workers[0]?.child.kill('SIGKILL');
  await startWorker();
}

it(
  'killed after the mail is handed over, before the answer: one mail, counted as unconfirmed',
  async () => {
    const server = await startMailServer({
      // It takes the mail, and answers too late.
      onData: (stream) => {
        stream.resume();
        stream.on('end', () => void received());
      },
    });
    let mails = 0;
    const received = async (): Promise<void> => {
      mails += 1;
      if (mails === 1) await killAndReplace();
    };
    await configure({
      type: 'email',
      smtp: `smtp://127.0.0.1:${server.port}`,
      from: 'nightload@acme.example',
      to: ['ops@acme.example'],
    });
    await startWorker();
    const result = await failLoad();
    expect(await result()).toEqual({ sent: [], unconfirmed: ['ops'], failed: [] });
    expect(mails).toBe(1);
  },
  NOTICED_MS,
);

it(
  'killed before the mail server greets: the next worker sends it',
  async () => {
    let greetings = 0;
    const server = await startMailServer({
      onConnect: (_session, done) => {
        greetings += 1;
        // The first client is killed while it waits.
        if (greetings === 1) void killAndReplace();
        else done();
      },
    });
    await configure({
      type: 'email',
      smtp: `smtp://127.0.0.1:${server.port}`,
      from: 'nightload@acme.example',
      to: ['ops@acme.example'],
    });
    await startWorker();
    const result = await failLoad();
    expect(await result()).toEqual({ sent: ['ops'], unconfirmed: [], failed: [] });
    expect(server.mails).toHaveLength(1);
  },
  NOTICED_MS,
);

it(
  'killed before the webhook answers: repeated with the same id',
  async () => {
    const hook = await startWebhook(async () => {
      if (hook.deliveries.length > 1) return 204;
      await killAndReplace();
      return 204;
    });
    await configure({ type: 'webhook', url: hook.url, secret: 'a key' });
    await startWorker();
    const result = await failLoad();
    expect(await result()).toEqual({ sent: ['ops'], unconfirmed: [], failed: [] });
    await hook.close();
    expect(hook.deliveries).toHaveLength(2);
    expect(new Set(hook.deliveries.map(({ body }) => body)).size).toBe(1);
  },
  NOTICED_MS,
);

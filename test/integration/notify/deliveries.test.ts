/** A person who opens the report of a load sees which of its messages were not delivered. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../../src/client/start-load.js';
import { startSimulator } from '../../../src/simulator/index.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { accounts, newLoadId } from '../../helpers/load-harness.js';
import { nightload, startWorkerProcess } from '../../helpers/run-cli.js';
import type { Command } from '../../helpers/run-cli.js';
import { startWebhook } from '../../helpers/webhook.js';
import type { Webhook } from '../../helpers/webhook.js';

let org: Simulator;
let folder: string;
let worker: Command;
let connection: Connection;
let taskQueue: string;
/** Takes every message, none for now, none at all. */
let hooks: { ops: Webhook; chat: Webhook; audit: Webhook };

beforeEach(async () => {
  org = await startSimulator({ recordsPerSecond: 5_000 });
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-deliveries-')));
  await mkdir(join(folder, 'data'));
  connection = await Connection.connect({ address: inject('temporalAddress') });
  hooks = {
    ops: await startWebhook(() => 204),
    chat: await startWebhook(() => ({ status: 503, headers: { 'retry-after': '600' } })),
    audit: await startWebhook(() => 404),
  };
  const targets = Object.fromEntries(
    Object.entries(hooks).map(([name, { url }]) => [name, { type: 'webhook', url, secret: 'a key of the webhook' }]),
  );
  const rules = [
    { when: ['finished'], to: ['ops'] },
    { when: ['finished'], to: ['chat', 'audit'], ids: ['all-*'] },
  ];
  const NIGHTLOAD_NOTIFY = join(folder, 'notify.json');
  await writeFile(NIGHTLOAD_NOTIFY, JSON.stringify({ targets, rules }), { mode: 0o600 });
  taskQueue = `deliveries-${randomUUID().slice(0, 8)}`;
  worker = await startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      NIGHTLOAD_TASK_QUEUE: taskQueue,
      NIGHTLOAD_FILE_ROOTS: join(folder, 'data'),
      NIGHTLOAD_NOTIFY,
      SF_INSTANCE_URL: org.url,
      SF_ACCESS_TOKEN: org.token,
    },
    folder,
  );
});
afterEach(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  for (const hook of Object.values(hooks)) await hook.close();
  await connection.close();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function load(loadId: string): Promise<void> {
  const source = join(folder, `data/${loadId}.csv`);
  await writeFile(source, stringify(accounts(20), { header: true }));
  const handle = await startBulkLoad(
    new Client({ connection }),
    {
      ...{ source: pathToFileURL(source).href, object: 'Account', operation: 'upsert', loadId },
      ...{ externalIdFieldName: 'External_Id__c', poll: { initialInterval: '200ms', maximumInterval: '300ms' } },
    },
    { taskQueue },
  );
  expect(await handle.result()).toMatchObject({ state: 'Completed' });
}

const resultsOf = (loadId: string): string => join(folder, 'data/nightload-results', loadId);

async function stepsOf(loadId: string): Promise<string[]> {
  const { workflow } = new Client({ connection });
  const { firstExecutionRunId } = await workflow
    .getHandle(`bulk-load/${loadId}`)
    .describe()
    .then(({ raw }) => ({
      firstExecutionRunId: raw.workflowExecutionInfo?.firstRunId ?? '',
    }));
  const handle = workflow.getHandle(`bulk-load/${loadId}/notify-${firstExecutionRunId.slice(-8)}/finished-1`);
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? [],
  );
}

it('targets that refuse a message, or do not take it for now, are in the report, the file and the commands', async () => {
  const loadId = newLoadId('all');
  await load(loadId);
  const page = (): Promise<string> => readFile(join(resultsOf(loadId), 'report.html'), 'utf8');
  await expect.poll(page).toMatch(/<bdi>chat<\/bdi>/);
  await expect.poll(page).toMatch(/<bdi>audit<\/bdi>/);
  const text = (await page()).replace(/\s+/g, ' ');
  expect(text).toMatch(
    /<bdi>audit<\/bdi><\/td> ?<td class="">[\d-]+ [\d:]+ UTC<\/td> ?<td class="">given up [\d-]+ [\d:]+ UTC<\/td> ?<td class=""><code>NOTIFY_REFUSED</,
  );
  expect(text).toMatch(
    /not delivered yet, retried until [\d-]+ [\d:]+ UTC<\/td> ?<td class=""><code>NOTIFY_UNAVAILABLE/,
  );
  expect(text).not.toContain('<bdi>ops</bdi>');
  expect(text).toContain('nightload notify test audit');

  const file = JSON.parse(await readFile(join(resultsOf(loadId), 'messages.json'), 'utf8')) as unknown;
  expect(file).toMatchObject({ version: 1, messages: [{ event: 'finished' }, { event: 'finished' }] });
  for (const command of ['results', 'status']) {
    const env = { TEMPORAL_ADDRESS: inject('temporalAddress') };
    const shown = nightload([command, loadId], env, folder);
    expect(await shown.ended).toBe(0);
    expect(shown.stderr()).toMatch(
      /message {6}"finished" to audit: given up .*\(NOTIFY_REFUSED\)\. Check: nightload notify test audit\n/,
    );
    expect(shown.stderr()).toMatch(
      /message {6}"finished" to chat: not delivered yet, retried until .*\(NOTIFY_UNAVAILABLE\)/,
    );
  }
});

it('messages that are delivered at once cost no step and leave nothing', async () => {
  const loadId = newLoadId('one');
  await load(loadId);
  await expect.poll(() => stepsOf(loadId)).toEqual(['routeNotification', 'sendNotification']);
  await expect.poll(() => hooks.ops.deliveries.length).toBe(1);
  expect(await readdir(resultsOf(loadId))).not.toContain('messages.json');
  expect(await readFile(join(resultsOf(loadId), 'report.html'), 'utf8')).not.toContain('<h2>Messages</h2>');
});

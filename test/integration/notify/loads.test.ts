/** Messages about loads, from a worker process to a webhook that is not always there. */
import { createHmac, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import type { LoadHandle } from '../../../src/client/load-handle.js';
import { startBulkLoad } from '../../../src/client/start-load.js';
import type { BulkLoadInput } from '../../../src/contract/load-input.js';
import { startSimulator } from '../../../src/simulator/index.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { accounts } from '../../helpers/load-harness.js';
import { startWorkerProcess } from '../../helpers/run-cli.js';
import type { Command } from '../../helpers/run-cli.js';
import { startWebhook } from '../../helpers/webhook.js';
import type { Webhook } from '../../helpers/webhook.js';

const KEY = 'a key of the webhook';

let org: Simulator;
let folder: string;
let worker: Command;
let connection: Connection;
let hook: Webhook;
let taskQueue: string;
const seen = new Set<string>();

beforeEach(async () => {
  seen.clear();
  org = await startSimulator({ recordsPerSecond: 5_000 });
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-notify-')));
  await mkdir(join(folder, 'data'));
  connection = await Connection.connect({ address: inject('temporalAddress') });
  // Each message is refused once.
  hook = await startWebhook(({ message: { id } }) => {
    const isNew = !seen.has(id);
    seen.add(id);
    return isNew ? 503 : 204;
  });
  const NIGHTLOAD_NOTIFY = join(folder, 'notify.json');
  const rules = [
    { when: ['finished', 'rejected', 'failed', 'canceled', 'recovered'], to: ['ops'] },
    { when: ['waiting'], to: ['ops'], waitingLonger: '1s' },
  ];
  const targets = { ops: { type: 'webhook', url: 'env:OPS_URL', secret: 'env:OPS_KEY' } };
  await writeFile(NIGHTLOAD_NOTIFY, JSON.stringify({ targets, rules }), { mode: 0o600 });
  taskQueue = `notify-${randomUUID().slice(0, 8)}`;
  worker = await startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      NIGHTLOAD_TASK_QUEUE: taskQueue,
      NIGHTLOAD_FILE_ROOTS: join(folder, 'data'),
      NIGHTLOAD_NOTIFY,
      NIGHTLOAD_UI_URL: 'https://temporal.acme.example/ui',
      OPS_URL: hook.url,
      OPS_KEY: KEY,
      SF_INSTANCE_URL: org.url,
      SF_ACCESS_TOKEN: org.token,
    },
    folder,
  );
});
afterEach(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  await hook.close();
  await connection.close();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(loadId: string, rows: object[], more: Partial<BulkLoadInput> = {}): Promise<LoadHandle> {
  const source = join(folder, `data/${loadId}.csv`);
  await writeFile(source, stringify(rows, { header: true }));
  const input: BulkLoadInput = {
    source: pathToFileURL(source).href,
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    loadId,
    poll: { initialInterval: '200ms', maximumInterval: '300ms', settleInterval: '100ms' },
    ...more,
  };
  return startBulkLoad(new Client({ connection }), input, { taskQueue });
}

it('each change of state is told once, with the same body and signature until the webhook takes it', async () => {
  const night = `night-${randomUUID().slice(0, 4).replace(/\d/g, 'x')}`;
  const failed = await start(`${night}-1`, [{ Label: 'no field' }]);
  await failed.result().catch(() => undefined);
  const good = await start(`${night}-2`, accounts(20));
  await good.result();
  const canceled = await start(`${night}-x`, accounts(200), { part: { maxBytes: 1_000, maxConcurrent: 1 } });
  await canceled.pause();
  const events = (): string[] =>
    [
      ...new Map(hook.deliveries.map(({ message }) => [message.id, `${message.loadId} ${message.event}`])).values(),
    ].sort();
  await expect.poll(events).toContain(`${night}-x waiting`);
  await canceled.cancel();
  await canceled.result().catch(() => undefined);
  const expected = [
    `${night}-1 failed`,
    `${night}-2 finished`,
    `${night}-2 recovered`,
    `${night}-x canceled`,
    `${night}-x waiting`,
  ];
  await expect.poll(() => hook.deliveries.length).toBe(2 * expected.length);
  expect(events()).toEqual(expected);

  for (const id of seen) {
    const [one, again, ...more] = hook.deliveries.filter(({ message }) => message.id === id);
    expect(more).toEqual([]);
    expect(again?.body).toBe(one?.body);
    expect(again?.headers['x-nightload-delivery']).toBe(id);
    const signature = createHmac('sha256', KEY)
      .update(one?.body ?? '')
      .digest('hex');
    expect(again?.headers['x-nightload-signature']).toBe(`sha256=${signature}`);
  }
  const about = (event: string) => hook.deliveries.find(({ message }) => message.event === event)?.message;
  expect(about('failed')).toMatchObject({
    loadId: `${night}-1`,
    connection: 'default',
    object: 'Account',
    operation: 'upsert',
    state: 'Failed',
    error: { code: 'HEADER_NO_EXTERNAL_ID' },
    uiUrl: expect.stringMatching(
      /^https:\/\/temporal\.acme\.example\/ui\/namespaces\/default\/workflows\/bulk-load%2F/,
    ),
  });
  expect(about('finished')).toMatchObject({ state: 'Completed', records: { total: 20, succeeded: 20 } });
  expect(about('finished')?.report).toMatch(/^file:.*report\.(?:html|json)$/);
  expect(about('waiting')).toMatchObject({ waitingFor: 'somebody to resume it' });

  const page = await readFile(join(folder, `data/nightload-results/${night}-2/report.html`), 'utf8');
  expect(page).toContain(`<a href="${about('finished')?.uiUrl}" rel="noreferrer">`);
});

it('a load works again when most of its rows land, not when another one does', async () => {
  const night = `again-${randomUUID().slice(0, 4).replace(/\d/g, 'x')}`;
  const told = (event: string): (string | undefined)[] => [
    ...new Map(
      hook.deliveries.flatMap(({ message }) => (message.event === event ? [[message.id, message.loadId]] : [])),
    ).values(),
  ];
  // Twice within a minute, with the same id: two messages.
  for (let run = 0; run < 2; run++) {
    const failed = await start(`${night}-1`, [{ Label: 'no field' }]);
    await failed.result().catch(() => undefined);
  }
  await expect.poll(() => told('failed')).toEqual([`${night}-1`, `${night}-1`]);
  const lead = { object: 'Lead', operation: 'insert', externalIdFieldName: undefined } as const;
  const ends = async (loadId: string, rows: object[], more: object = {}): Promise<void> => {
    await (await start(loadId, rows, more)).result();
    await expect.poll(() => [...told('finished'), ...told('rejected')]).toContain(loadId);
  };
  await ends(`${night}-2`, [{ LastName: 'Other', Company: 'Object' }], lead);
  await ends(
    `${night}-3`,
    accounts(4, (row) => ({ ...row, Name: '' })),
  );
  await sleep(1_000);
  expect(told('recovered')).toEqual([]);
  await ends(
    `${night}-4`,
    accounts(4, (row, n) => ({ ...row, Name: n === 1 ? '' : (row['Name'] ?? '') })),
  );
  await expect.poll(() => told('recovered')).toEqual([`${night}-4`]);
}, 120_000);

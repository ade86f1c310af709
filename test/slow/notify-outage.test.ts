/** An org that is away for minutes: people are told once what the load waits for, and the load ends well by itself. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startSimulator } from '../../src/simulator/index.js';
import { accounts } from '../helpers/load-harness.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import { startWebhook } from '../helpers/webhook.js';

it('an outage of the org is told once as a wait, by the code of the step that fails', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-outage-')));
  await mkdir(join(folder, 'data'));
  const org = await startSimulator({ recordsPerSecond: 20 });
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const hook = await startWebhook(() => 204);
  const NIGHTLOAD_NOTIFY = join(folder, 'notify.json');
  const file = {
    targets: { ops: { type: 'webhook', url: hook.url, secret: 'a key of the webhook' } },
    rules: [{ when: ['waiting', 'finished'], to: ['ops'], waitingLonger: '2s' }],
  };
  await writeFile(NIGHTLOAD_NOTIFY, JSON.stringify(file), { mode: 0o600 });
  const taskQueue = `outage-${randomUUID().slice(0, 8)}`;
  const worker = await startWorkerProcess(
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
  try {
    const source = join(folder, 'data/a.csv');
    await writeFile(source, stringify(accounts(200), { header: true }));
    const load = await startBulkLoad(
      new Client({ connection }),
      {
        ...{ source: pathToFileURL(source).href, object: 'Account', operation: 'upsert', loadId: 'outage' },
        ...{ externalIdFieldName: 'External_Id__c', again: true, poll: { maximumInterval: '2s' } },
      },
      { taskQueue },
    );
    await expect.poll(() => org.jobs().some(({ state }) => state === 'InProgress')).toBe(true);
    org.fault({
      kind: 'info',
      action: { status: 503, errorCode: 'SERVER_UNAVAILABLE', message: 'away' },
      times: 100_000,
    });
    await expect.poll(() => hook.deliveries.length, { timeout: 240_000, interval: 1_000 }).toBe(1);
    expect(hook.deliveries[0]?.message).toMatchObject({
      event: 'waiting',
      loadId: 'outage',
      waitingFor: expect.stringMatching(
        /^the step readJob, which fails and is retried \(SERVER_UNAVAILABLE\)$/,
      ) as string,
    });
    expect((await load.progress()).waitingFor).toContain('readJob');
    org.clearFaults();
    expect(await load.result()).toMatchObject({ state: 'Completed', balanced: true });
    await expect.poll(() => hook.deliveries.map(({ message }) => message.event)).toEqual(['waiting', 'finished']);
  } finally {
    worker.child.kill('SIGKILL');
    await worker.ended;
    await hook.close();
    await connection.close();
    await org.close();
    await rm(folder, { recursive: true, force: true });
  }
});

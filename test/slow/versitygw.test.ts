/** An object store that others wrote: its own tests, and a load with workers of two hosts, one of which is killed. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { openS3 } from '../../src/storage/s3/s3-store.js';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { objectStoreContract } from '../helpers/object-store-contract.js';
import { findVersitygw, startVersitygw } from '../helpers/versitygw.js';
import type { Versitygw } from '../helpers/versitygw.js';

const program = findVersitygw();

describe.skipIf(program === undefined)('versitygw', () => {
  let server: Versitygw;
  beforeAll(async () => {
    server = await startVersitygw(program as string, 'bucket');
    Object.assign(process.env, server.settings);
  });
  afterAll(() => server.close());

  objectStoreContract(() => ({ store: openS3(process.env), folder: 's3://bucket/contract' }));

  it('a load continues on another host when one is killed, and sends each part once', async () => {
    const world = await openWorld();
    const folders = await Promise.all([1, 2].map((n) => mkdtemp(join(tmpdir(), `nightload-host-${n}-`))));
    const taskQueue = `${world.taskQueue}-hosts`;
    const [one, two] = folders.map((folder) => startWorkerProcess(world, folder, taskQueue)) as [
      ChildProcess,
      ChildProcess,
    ];
    try {
      const rows = accounts(40_000);
      async function* content(): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(Buffer.from(stringify(rows, { header: true })));
      }
      await openS3(process.env).write('s3://bucket/night/accounts.csv', content());
      const handle = await startBulkLoad(
        world.client,
        {
          ...{ source: 's3://bucket/night/accounts.csv', output: 's3://bucket/results/', loadId: 'hosts' },
          ...{ object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' },
          part: { maxBytes: 200_000, maxConcurrent: 3 },
          poll: { initialInterval: '100ms', maximumInterval: '500ms', settleInterval: '200ms' },
        },
        { taskQueue },
      );
      await expect.poll(() => world.org.jobs().length, { timeout: 60_000 }).toBeGreaterThan(3);
      one.kill('SIGKILL');
      const result = await handle.result();
      expect(result).toMatchObject({ state: 'Completed', records: { total: 40_000, succeeded: 40_000 } });
      for (const job of world.org.jobs()) expect(job.uploads).toBeLessThanOrEqual(1);
      const processed = world.org.jobs().filter(({ state }) => state === 'JobComplete');
      expect(processed.length).toBeGreaterThan(10);
      // Only the id of the group of workers.
      for (const folder of folders) expect(await readdir(folder)).toEqual(['.nightload-id']);
      const report = await readFile(join(server.folder, 'results/hosts/report.json'), 'utf8');
      expect(JSON.parse(report)).toMatchObject({ records: { succeeded: 40_000 } });
    } finally {
      for (const child of [one, two]) child.kill('SIGKILL');
      await world.end();
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    }
  });
});

function startWorkerProcess(world: World, folder: string, taskQueue: string): ChildProcess {
  return spawn(process.execPath, [resolve('dist/cli/main.js'), 'worker'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      NIGHTLOAD_TASK_QUEUE: taskQueue,
      NIGHTLOAD_LOG_LEVEL: 'ERROR',
      NIGHTLOAD_FILE_ROOTS: folder,
      SF_INSTANCE_URL: world.org.url,
      SF_ACCESS_TOKEN: world.org.token,
    },
  });
}

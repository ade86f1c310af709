/** Whole loads by a real worker process: permissions of its files during the load and afterwards. */
import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startSimulator } from '../../src/simulator/index.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import { accounts, FAST, newLoadId } from '../helpers/load-harness.js';

/** It is not secret, and workers of other users read it too. */
const SHARED = '.nightload-id';

async function modesIn(folder: string): Promise<Map<string, string>> {
  const modes = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    // Temporary files may disappear at any moment.
    const found = await lstat(join(folder, name)).catch(() => undefined);
    if (found === undefined) continue;
    modes.set(name, `${found.isDirectory() ? 'folder' : 'file'} ${(found.mode & 0o7777).toString(8)}`);
  }
  return modes;
}

it.each([
  [0o000, undefined, ['file 600', 'folder 700']],
  [0o077, undefined, ['file 600', 'folder 700']],
  [0o000, '640', ['file 640', 'folder 750']],
  [0o077, '640', ['file 640', 'folder 750']],
])('under the umask %i with NIGHTLOAD_FILE_MODE %s, all files are %j', async (umask, said, expected) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-modes-')));
  const org = await startSimulator({ recordsPerSecond: 500 });
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const taskQueue = `modes-${randomUUID().slice(0, 8)}`;
  const before = process.umask(umask);
  const starting = startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SF_INSTANCE_URL: org.url,
      SF_ACCESS_TOKEN: org.token,
      NIGHTLOAD_FILE_ROOTS: folder,
      NIGHTLOAD_TASK_QUEUE: taskQueue,
      ...(said !== undefined && { NIGHTLOAD_FILE_MODE: said }),
    },
    folder,
  );
  process.umask(before);
  const worker = await starting;
  onTestFinished(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
    await connection.close();
    await org.close();
    await rm(folder, { recursive: true, force: true });
  });
  const source = join(folder, 'accounts.csv.gz');
  // Some rows are rejected, some are sent again, some would fail before they are sent.
  const rows = accounts(600, (row, n) => ({
    ...row,
    ...(n % 50 === 0 && { Name: '' }),
    ...(n % 60 === 1 && { Description: '[locked once]' }),
    ...(n % 70 === 2 && { Name: 'x'.repeat(300) }),
  }));
  await writeFile(source, gzipSync(stringify(rows, { header: true })));
  await chmod(source, 0o600);
  const handle = await startBulkLoad(
    new Client({ connection }),
    {
      ...{ source: pathToFileURL(source).href, object: 'Account', operation: 'upsert' },
      ...{ externalIdFieldName: 'External_Id__c', loadId: newLoadId('modes'), ...FAST },
      ...{ part: { maxBytes: 10_000 }, keepColumns: true, defuse: true, skipBadRows: true },
      abortWhen: { failedRatio: 1 },
    },
    { taskQueue },
  );
  let ended = false;
  const ending = handle.result().finally(() => (ended = true));
  const seen = new Map<string, Set<string>>();
  while (!ended) {
    for (const [name, mode] of await modesIn(folder)) seen.set(name, (seen.get(name) ?? new Set()).add(mode));
  }
  const result = await ending;
  expect(result).toMatchObject({ state: 'CompletedWithRejects', records: { unaccounted: 0 }, balanced: true });
  expect(result.retry.recovered).toBeGreaterThan(0);
  const own = [...(await modesIn(folder))].filter(([name]) => name !== SHARED && name !== 'accounts.csv.gz');
  for (const [name, mode] of own) expect(expected, name).toContain(mode);
  const names = own.map(([name]) => name.slice(name.lastIndexOf('/') + 1));
  for (const name of [
    'report.json',
    'rejected.csv',
    'rejected-for-people.csv',
    'succeeded-with-source.csv',
    'plan.json',
    'job.json',
  ]) {
    expect(names).toContain(name);
  }
  // For a moment before it gets its mode, a file or folder is accessible to the worker only.
  for (const [name, modes] of seen) {
    if (name === SHARED) continue;
    expect([...expected, 'file 600', 'folder 700'], name).toEqual(expect.arrayContaining([...modes]));
  }
});

/** Hosts that share a task queue but no folder: the file is on one of them. */
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
let folders: string[];
let workers: Command[];

beforeAll(async () => {
  world = await openWorld();
  folders = await Promise.all([1, 2].map(async () => realpath(await mkdtemp(join(tmpdir(), 'nightload-host-')))));
  const env = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    NIGHTLOAD_TASK_QUEUE: world.taskQueue,
    SF_INSTANCE_URL: world.org.url,
    SF_ACCESS_TOKEN: world.org.token,
  };
  workers = await Promise.all(folders.map((folder) => startWorkerProcess(env, folder)));
});
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ ended }) => ended));
  await world.end();
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

it('every load finds a file on one of three hosts, whichever host is asked first', async () => {
  const sources = await Promise.all(
    Array.from({ length: 20 }, (_, n) => world.csv(accounts(1, (row) => ({ ...row, External_Id__c: `H-${n}` })))),
  );
  const results = await Promise.all(sources.map((source) => world.load({ source })));
  expect(results.map(({ state }) => state)).toEqual(sources.map(() => 'Completed'));
});

it('a file on none of them is not found, and the message names the hosts that were asked', async () => {
  const source = pathToFileURL(join(world.folder, 'nowhere.csv')).href;
  const { error } = await world.load({ source });
  expect(error?.code).toBe('SOURCE_NOT_FOUND');
  const asked = error?.message.slice(error.message.indexOf('Each host was asked')) ?? '';
  // All three run here.
  expect(asked.split(hostname())).toHaveLength(2);
  expect(asked).toMatch(/SOURCE_NOT_FOUND/);
});

it('a late file is found on whichever host it arrives, and loaded there', async () => {
  const folder = folders[1] as string;
  await mkdir(join(folder, 'in'));
  const source = pathToFileURL(join(folder, 'in', 'late.csv')).href;
  const handle = await world.start({ source, waitForSource: '1m' });
  await writeFile(join(folder, 'late.part'), 'External_Id__c,Name\nLATE-1,a\n');
  await rename(join(folder, 'late.part'), join(folder, 'in', 'late.csv'));
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 1 } });
  expect(result.files.report).toContain(folder);
});

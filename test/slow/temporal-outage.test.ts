/** Temporal is down for half a minute while a command follows a load: both the load and the command continue. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { nightload } from '../helpers/run-cli.js';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const OUTAGE_MS = 27_000;

let data: string;
let server: DevServer;
let world: World;
beforeAll(async () => {
  data = await realpath(await mkdtemp(join(tmpdir(), 'nightload-outage-')));
  server = await start();
  world = await openWorld({}, server.address);
});
afterAll(async () => {
  await world.end();
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

async function start(port?: number): Promise<DevServer> {
  const { path } = await findTemporalServer();
  return startDevServer({ binary: path, uiPort: 'off', dbFile: join(data, 'temporal.db'), ...(port && { port }) });
}

it('load, watch and LoadHandle.result() survive an outage of 27 s, and report it once', async () => {
  await world.org.setRecordsPerSecond(40);
  const source = await world.csv(accounts(1_200), 'a.csv');
  const env = { TEMPORAL_ADDRESS: server.address, NIGHTLOAD_TASK_QUEUE: world.taskQueue };
  const words = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c', '--poll-initial'];
  const load = nightload(
    ['load', source, ...words, '500ms', '--poll-max', '1s', '--id', 'away', '--json'],
    env,
    world.folder,
  );
  await expect.poll(() => world.org.jobs().at(-1)?.state, { timeout: 30_000 }).toBe('InProgress');
  const watch = nightload(['watch', 'away', '--json'], env, world.folder);
  const { LoadHandle } = await import('../../src/client/load-handle.js');
  const heard: string[] = [];
  const result = new LoadHandle(world.client, 'bulk-load/away').result({
    onSilence: ({ code }) => heard.push(code),
    onAnswer: () => heard.push('back'),
  });
  // Both must be connected: a command that never reached Temporal has no load to follow.
  for (const command of [load, watch]) {
    await expect.poll(() => command.stderr(), { timeout: 30_000 }).toContain('loading');
  }
  const { pid, address, ended } = server;
  process.kill(pid, 'SIGKILL');
  await ended;
  await sleep(OUTAGE_MS);
  expect([load.child.exitCode, watch.child.exitCode], watch.stderr()).toEqual([null, null]);
  expect(load.stderr()).toMatch(/Temporal does not answer \(TEMPORAL_NOT_REACHABLE: .*still trying/);
  server = await start(Number(address.split(':')[1]));
  expect(await Promise.all([load.ended, watch.ended])).toEqual([0, 0]);
  expect(await result).toMatchObject({ state: 'Completed', records: { total: 1_200, succeeded: 1_200 } });
  for (const command of [load, watch]) {
    expect(JSON.parse(command.stdout())).toMatchObject({ state: 'Completed', records: { succeeded: 1_200 } });
    expect(command.stderr().match(/Temporal does not answer/g)).toHaveLength(1);
    expect(command.stderr().match(/Temporal answers again/g)).toHaveLength(1);
  }
  expect(heard).toEqual(['TEMPORAL_NOT_REACHABLE', 'back']);
});

it('a command detaches with exit code 130 and the command to resume when Temporal comes back but refuses permanently', async () => {
  await world.org.setRecordsPerSecond(10);
  const source = await world.csv(accounts(1_000), 'b.csv');
  const env = { TEMPORAL_ADDRESS: server.address, NIGHTLOAD_TASK_QUEUE: world.taskQueue };
  const words = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c', '--id', 'gone'];
  // Only this server has the namespace: a server with an empty file does not.
  const { freshNamespace } = await import('../helpers/namespace.js');
  const namespace = await freshNamespace(server.address);
  const load = nightload(['load', source, ...words, '--json'], { ...env, TEMPORAL_NAMESPACE: namespace }, world.folder);
  await expect.poll(() => load.stderr(), { timeout: 30_000 }).toContain('No worker polls');
  const { pid, address, ended } = server;
  process.kill(pid, 'SIGKILL');
  await ended;
  const { path } = await findTemporalServer();
  server = await startDevServer({ binary: path, uiPort: 'off', port: Number(address.split(':')[1]) });
  expect(await load.ended).toBe(130);
  expect(JSON.parse(load.stdout())).toMatchObject({ loadId: 'gone', error: { code: 'TEMPORAL_NAMESPACE_NOT_FOUND' } });
  expect(load.stderr()).toContain('nightload watch gone');
});

/** `dev`, `demo` and commands that need a worker, when something is in their way. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { nightload } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, openWorld } from '../helpers/load-harness.js';

let folder: string;
let running: Command[];
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-services-')));
  running = [];
});
afterEach(async () => {
  for (const { child } of running) child.kill('SIGTERM');
  await Promise.all(running.map(({ ended }) => ended));
  await rm(folder, { recursive: true, force: true });
});

const shared = inject('temporalAddress');

function run(args: string[], env: Record<string, string> = {}): Command {
  const command = nightload(args, { TEMPORAL_ADDRESS: '', ...env }, folder);
  running.push(command);
  return command;
}

function error(command: Command): unknown {
  return (JSON.parse(command.stdout().trim().split('\n').at(-1) ?? '') as { error?: unknown }).error;
}

it('a second dev in a folder is refused, and names the first; a demo next to it has a separate server', async () => {
  const first = run(['dev']);
  await expect.poll(() => first.stderr(), { timeout: 60_000 }).toContain('Ctrl-C stops everything');
  const modeOf = async (path: string): Promise<number> => (await stat(join(folder, path))).mode & 0o777;
  expect([await modeOf('.nightload'), await modeOf('.nightload/temporal.db')]).toEqual([0o700, 0o600]);
  expect(first.stderr()).toMatch(
    /control API {2}http:\/\/127\.0\.0\.1:\d+\/__simulator\/ +x-simulator-key: [\w-]{32}\n/,
  );
  const address = /Temporal server {2}(\S+)/.exec(first.stderr())?.[1] ?? '';
  const second = run(['dev']);
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toContain('TEMPORAL_DATA_IN_USE');
  expect(second.stderr()).toContain(`TEMPORAL_ADDRESS=${address}`);
  const demo = run(['demo', '--json']);
  expect(await demo.ended).toBe(0);
  first.child.kill('SIGTERM');
  await first.ended;
  const third = run(['dev']);
  await expect.poll(() => third.stderr(), { timeout: 60_000 }).toContain('Ctrl-C stops everything');
});

it('dev ends when its Temporal server has ended', async () => {
  const dev = run(['dev']);
  await expect.poll(() => dev.stderr(), { timeout: 60_000 }).toContain('Ctrl-C stops everything');
  const holder: unknown = JSON.parse(await readFile(join(folder, '.nightload/temporal.db.server'), 'utf8'));
  process.kill((holder as { pid: number }).pid, 'SIGKILL');
  expect(await dev.ended).toBe(1);
  expect(dev.stderr()).toContain('TEMPORAL_SERVER_ENDED');
});

it.each(['dev', 'demo'])('%s takes no folder that somebody else has put there', async (command) => {
  const victim = join(folder, 'victim');
  await mkdir(victim, { mode: 0o755 });
  await symlink(victim, join(folder, '.nightload'));
  const started = run([command]);
  expect(await started.ended).toBe(1);
  expect(started.stderr()).toContain('TEMPORAL_DATA_NOT_PRIVATE');
  expect([(await stat(victim)).mode & 0o777, await readdir(victim)]).toEqual([0o755, []]);
});

it("dev refuses another worker's task queue, whose loads it would mix with its own", async () => {
  const world = await openWorld();
  const dev = run(['dev'], { TEMPORAL_ADDRESS: shared, NIGHTLOAD_TASK_QUEUE: world.taskQueue });
  expect(await dev.ended).toBe(1);
  expect(dev.stderr()).toContain('TASK_QUEUE_IN_USE');
  await world.end();
});

it('dev does not load a secret from its folder', async () => {
  const taskQueue = `dev-${randomUUID().slice(0, 8)}`;
  await writeFile(join(folder, 'k1'), `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const env = {
    TEMPORAL_ADDRESS: shared,
    NIGHTLOAD_TASK_QUEUE: taskQueue,
    NIGHTLOAD_CODEC_KEYS: '{"active": "k1", "keys": {"k1": "file:k1"}}',
    NIGHTLOAD_CONNECTIONS: 'connections.json',
    HOME: folder,
  };
  const dev = run(['dev'], env);
  await expect.poll(() => dev.stderr(), { timeout: 30_000 }).toContain('Ctrl-C stops everything');
  const secrets = ['k1', 'connections.json', '.sfdx/key.json', '.nightload/temporal.db'];
  const loads = secrets.map((path, i) =>
    run(['load', path, '--object', 'Account', '--operation', 'insert', '--id', `${taskQueue}-${i}`, '--json'], env),
  );
  for (const load of loads) {
    expect(await load.ended).toBe(1);
    expect(load.stdout()).toContain('FILE_OUTSIDE_ROOTS');
  }
});

it('dev leaves no ledger of its org behind', async () => {
  const taskQueue = `dev-${randomUUID().slice(0, 8)}`;
  const env = { TEMPORAL_ADDRESS: shared, NIGHTLOAD_TASK_QUEUE: taskQueue };
  const dev = run(['dev'], env);
  await expect.poll(() => dev.stderr(), { timeout: 30_000 }).toContain('Ctrl-C stops everything');
  const csv = accounts(20).map(({ External_Id__c, Name }) => `${External_Id__c},${Name}`);
  await writeFile(join(folder, 'a.csv'), ['External_Id__c,Name', ...csv, ''].join('\n'));
  const words = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c'];
  const load = run(['load', 'a.csv', ...words, '--poll-initial', '200ms', '--id', taskQueue], env);
  expect(await load.ended).toBe(0);
  const connection = await Connection.connect({ address: shared });
  const client = new Client({ connection });
  const org = /Simulated org {4}(\S+)/.exec(dev.stderr())?.[1] ?? '';
  const ledger = client.workflow.getHandle(`nightload-allocation/${new URL(org).host}`);
  expect((await ledger.describe()).status.name).toBe('RUNNING');
  dev.child.kill('SIGTERM');
  expect(await dev.ended).toBe(0);
  expect((await ledger.describe()).status.name).toBe('TERMINATED');
  await connection.close();
});

it('a command that needs a worker does not wait forever, and leaves no workflow behind', async () => {
  const env = { TEMPORAL_ADDRESS: shared, NIGHTLOAD_TASK_QUEUE: `nobody-${randomUUID().slice(0, 8)}` };
  await writeFile(join(folder, 'a.csv'), 'External_Id__c,Name\nA,b\n');
  const words = ['a.csv', '--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c'];
  const check = run(['check', ...words, '--timeout', '8s', '--json'], env);
  const orphans = run(['orphans', '--timeout', '8s', '--json'], env);
  const load = run(['load', ...words, '--detach', '--json', '--id', env.NIGHTLOAD_TASK_QUEUE], env);
  expect(await load.ended).toBe(0);
  expect(load.stderr()).toContain(`No worker polls the task queue "${env.NIGHTLOAD_TASK_QUEUE}"`);
  expect(await check.ended).toBe(1);
  expect(await orphans.ended).toBe(1);
  expect(error(check)).toMatchObject({ code: 'NO_WORKER' });
  expect(error(orphans)).toMatchObject({ code: 'NO_WORKER' });
  const connection = await Connection.connect({ address: shared });
  const { workflow } = new Client({ connection });
  await workflow.getHandle(`bulk-load/${env.NIGHTLOAD_TASK_QUEUE}`).terminate();
  const left = workflow.list({ query: `TaskQueue = '${env.NIGHTLOAD_TASK_QUEUE}' AND ExecutionStatus = 'Running'` });
  await expect
    .poll(
      async () => {
        let count = 0;
        for await (const _ of left) count++;
        return count;
      },
      { timeout: 10_000 },
    )
    .toBe(0);
  await connection.close();
});

it('limits leaves out a ledger whose task queue has no worker', async () => {
  const world = await openWorld();
  const connection = await Connection.connect({ address: shared });
  const { workflow } = new Client({ connection });
  const workflowId = `nightload-allocation/${randomUUID().slice(0, 8)}.example`;
  await workflow.start('orgAllocation', { workflowId, taskQueue: 'nobody-at-all', args: [{}] });
  const env = { TEMPORAL_ADDRESS: shared, NIGHTLOAD_TASK_QUEUE: world.taskQueue };
  await expect
    .poll(
      async () => {
        const limits = run(['limits', '--connection', 'default'], env);
        return [await limits.ended, limits.stderr().includes(`${workflowId} is omitted`)];
      },
      { timeout: 30_000 },
    )
    .toEqual([0, true]);
  await workflow.getHandle(workflowId).terminate();
  await connection.close();
  await world.end();
});

it('reports a port in use, contradictory options, and a URI of another machine', async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const { port } = taken.address() as AddressInfo;
  await writeFile(join(folder, 'options.json'), '{"bogus":1}');
  const said = async (...args: string[]): Promise<string> => {
    const command = run(args, { TEMPORAL_ADDRESS: shared });
    expect(await command.ended).toBe(1);
    return command.stderr();
  };
  expect(await said('simulator', '--port', String(port))).toContain('PORT_IN_USE');
  expect(await said('simulator', '--port', '80000')).toContain('USAGE');
  expect(await said('simulator', '--options', 'options.json')).toContain('USAGE');
  const words = ['--object', 'Account', '--operation', 'insert'];
  expect(await said('load', 'file://elsewhere/a.csv', ...words)).toContain('INVALID_FILE_URI');
  const cron = ['--cron', '0 1 * * *', '--time-zone', 'UTC'];
  expect(await said('schedule', 'create', 'x', '--source', 'x-{dat}.csv', ...cron, ...words)).toContain('{dat}');
  await new Promise((done) => taken.close(done));
});

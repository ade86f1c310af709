/** Output and names of the command when a server or worker does not respond as expected. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startBrokenWorker } from '../helpers/broken-worker.js';
import { nightload } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, FAST, newLoadId, openWorld, readCsv, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { freshNamespace } from '../helpers/namespace.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

function run(args: string[], env: NodeJS.ProcessEnv = {}): Command {
  return nightload(
    args,
    { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue, ...env },
    world.folder,
  );
}

/** The last line of stdout. */
function json(command: Command): Record<string, unknown> {
  return JSON.parse(command.stdout().trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

const nobody = (): string => `nobody-${randomUUID().slice(0, 8)}`;

it('a load keeps its whole id, even if its caller named the workflow, and each command uses the same id', async () => {
  const unique = randomUUID().slice(0, 8);
  const cases = [
    { workflowId: `accounts-${unique}`, loadId: `accounts-${unique}` },
    { workflowId: `bulk-load/n-${unique}-2026-11-25T23:38:23Z`, loadId: `n-${unique}-2026-11-25T23-38-23Z` },
    // The caller specifies both names.
    { workflowId: `bulk-load/x-${unique}`, loadId: `chosen-${unique}`, input: { loadId: `chosen-${unique}` } },
  ];
  await Promise.all(
    cases.map(async ({ workflowId, loadId, input }) => {
      const args = [{ source: 'file:///a.csv', object: 'Account', operation: 'insert', ...input }];
      const handle = await world.client.workflow.start('bulkLoad', { workflowId, taskQueue: nobody(), args });
      const cancel = run(['cancel', input === undefined ? loadId : workflowId, '--json']);
      expect(await cancel.ended, cancel.stderr()).toBe(0);
      expect(json(cancel)).toMatchObject({ loadId, workflowId });
      if (workflowId.startsWith('bulk-load/')) return handle.terminate();
      const watch = run(['watch', loadId]);
      await expect.poll(() => watch.stderr()).toContain('No worker polls');
      watch.child.kill('SIGINT');
      expect(await watch.ended).toBe(130);
      const shown = /nightload status (\S+)/.exec(watch.stderr())?.[1] ?? '';
      expect(shown).toBe(loadId);
      return handle.terminate();
    }),
  );
});

it('list shows the valid fields of a forged result, and ? for the rest', async () => {
  const address = inject('temporalAddress');
  const namespace = await freshNamespace(address);
  const connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection, namespace });
  const memos = [{ state: 'x' }, { records: null }, { loadId: ['x'], records: { total: 7, succeeded: {} } }, 5];
  for (const [n, nightloadResult] of memos.entries()) {
    const options = { workflowId: `bulk-load/forged-${n}`, taskQueue: nobody(), args: [], memo: { nightloadResult } };
    await (await workflow.start('bulkLoad', options)).terminate();
  }
  const env = { TEMPORAL_NAMESPACE: namespace };
  await expect
    .poll(
      async () => {
        const list = run(['list', '--json'], env);
        expect(await list.ended, list.stderr()).toBe(0);
        expect(list.stderr()).not.toMatch(/undefined|object Object/);
        return list
          .stderr()
          .match(/forged-\d {2}\S+ of \S+ rows landed/g)
          ?.sort();
      },
      { timeout: 30_000 },
    )
    .toEqual([0, 1, 2, 3].map((n) => `forged-${n}  ? of ${n === 2 ? 7 : '?'} rows landed`));
  for (const command of ['status', 'results']) {
    const shown = run([command, 'forged-2'], env);
    expect(await shown.ended).toBe(1);
    expect(shown.stderr()).toMatch(/LOAD_TERMINATED|NO_RESULT_YET/);
  }
  await connection.close();
});

it('a check against a web page instead of an org reports it after 5 s, ends in time with that code, and leaves nothing running', async () => {
  world.org.fault({ kind: 'versions', times: 1000, action: { status: 200, html: '<html>Log in</html>' } });
  await writeFile(join(world.folder, 'page.csv'), 'External_Id__c,Name\nP-1,a\n');
  const words = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c'];
  const begun = Date.now();
  const check = run(['check', 'page.csv', ...words, '--timeout', '5s', '--json']);
  expect(await check.ended).toBe(1);
  world.org.clearFaults();
  expect(Date.now() - begun).toBeLessThan(20_000);
  const { code, message } = json(check)['error'] as { code: string; message: string };
  expect(check.stderr()).toMatch(/checkSource failed .* and is retried: /);
  expect(message).toContain('checkSource failed');
  expect(code).not.toBe('NO_ANSWER');
  const { workflow } = world.client;
  const query = `TaskQueue = '${world.taskQueue}' AND WorkflowType = 'checkLoad'`;
  const ends = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { status } of workflow.list({ query })) found.push(status.name);
    return found;
  };
  await expect.poll(ends).toEqual(['CANCELLED']);
});

it('limits shows the other orgs when one ledger does not respond, and names that one', async () => {
  const address = inject('temporalAddress');
  const namespace = await freshNamespace(address);
  const taskQueue = `test-${randomUUID().slice(0, 8)}`;
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection, namespace });
  const worker = await startTestWorker(native, world.org, world.folder, taskQueue, { namespace });
  const env = { TEMPORAL_NAMESPACE: namespace, NIGHTLOAD_TASK_QUEUE: taskQueue };
  await writeFile(join(world.folder, 'one.csv'), 'External_Id__c,Name\nL-1,a\n');
  const words = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c'];
  const load = run(['load', 'one.csv', ...words, '--poll-initial', '200ms', '--id', `limits-${taskQueue}`], env);
  expect(await load.ended, load.stderr()).toBe(0);
  // Its worker's code is broken, so it never responds.
  const brokenQueue = `${taskQueue}-broken`;
  const broken = await startBrokenWorker(native, brokenQueue, namespace);
  const workflowId = 'nightload-allocation/silent';
  await workflow.start('orgAllocation', { workflowId, taskQueue: brokenQueue, args: [] });
  const limits = run(['limits', '--json', '--timeout', '6s'], env);
  expect(await limits.ended).toBe(1);
  expect(limits.stderr()).toContain(new URL(world.org.url).host);
  expect(limits.stderr()).toContain('LEDGER_NOT_ANSWERING: nightload-allocation/silent');
  expect(json(limits)).toMatchObject({
    ledgers: [{ connections: ['default'] }],
    silent: [{ workflowId: 'nightload-allocation/silent', code: 'LEDGER_NOT_ANSWERING' }],
  });
  await broken.stop();
  await worker.stop();
  await native.close();
  await connection.close();
});

it('correct explains what a paused load does with a file, and without a worker reports that and ends in time', async () => {
  const rows = accounts(20, (row, n) => ({ ...row, External_Id__c: `PC-${n}`, ...(n <= 2 && { Name: '' }) }));
  const loadId = newLoadId('paused');
  const handle = await world.start({
    loadId,
    source: await world.csv(rows),
    retry: { ...FAST.retry, holdFor: '1h' },
  });
  await expect.poll(async () => (await handle.progress()).phase).toBe('holding');
  await handle.pause();
  const rejected = await readCsv((await handle.progress()).rejectedFile);
  const fixed = async (n: number): Promise<string> => {
    const name = `fixed-${n}.csv`;
    await writeFile(join(world.folder, name), stringify([{ ...rejected[n], Name: 'Fixed' }], { header: true }));
    return name;
  };
  const first = run(['correct', loadId, await fixed(0), '--json']);
  expect(await first.ended, first.stderr()).toBe(0);
  expect(json(first)).toMatchObject({ loadId, rows: 1, remaining: 1, state: 'Paused' });
  expect(first.stderr()).toContain('The load is paused');
  expect(first.stderr()).toContain(`nightload resume ${loadId}`);
  // The first one's row has not been sent yet.
  const second = run(['correct', loadId, await fixed(1), '--json', '--timeout', '3s']);
  expect(await second.ended).toBe(1);
  expect(json(second)).toMatchObject({
    error: { code: 'NO_ANSWER', message: expect.stringContaining('the load is paused') as string },
  });
  await handle.resume();
  await expect.poll(async () => (await handle.describe()).status.name, { timeout: 30_000 }).toBe('COMPLETED');
  expect((await handle.result()).records).toMatchObject({ succeeded: 20, rejected: 0 });
});

it('correct without a worker reports it at once, explains what it does, and ends in time', async () => {
  const workflowId = `bulk-load/${randomUUID().slice(0, 8)}`;
  const taskQueue = nobody();
  const args = [{ source: 'file:///a.csv', object: 'Account', operation: 'insert' }];
  const load = await world.client.workflow.start('bulkLoad', { workflowId, taskQueue, args });
  await writeFile(join(world.folder, 'any.csv'), 'Id\n');
  const correct = run(['correct', workflowId, 'any.csv', '--json', '--timeout', '3s']);
  expect(await correct.ended).toBe(1);
  expect(correct.stderr()).toContain(
    `No worker polls the task queue "${taskQueue}": the file is accepted if one does within 3 s.`,
  );
  expect(json(correct)).toMatchObject({
    error: { code: 'NO_WORKER', message: expect.stringContaining('Run the same command again') as string },
  });
  await load.terminate();
});

it('an id in use by another workflow is reported with working advice: for a part while it waits, for the load at once', async () => {
  const loadId = newLoadId('taken');
  const { workflow } = world.client;
  const start = (workflowId: string) => workflow.start('somethingElse', { workflowId, taskQueue: nobody(), args: [] });
  const part = await start(`bulk-load/${loadId}/part-1`);
  const source = await world.csv(accounts(3, (row, n) => ({ ...row, External_Id__c: `${loadId}-${n}` })));
  const handle = await world.start({ loadId, source });
  await expect
    .poll(async () => (await handle.progress()).waitingFor)
    .toContain(`temporal workflow cancel --workflow-id 'bulk-load/${loadId}/part-1'`);
  await part.terminate();
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 3 } });

  const whole = await start(`bulk-load/${loadId}-2`);
  await expect(world.start({ loadId: `${loadId}-2`, source })).rejects.toMatchObject({
    code: 'LOAD_ID_IN_USE',
    message: expect.stringContaining('of type somethingElse') as string,
  });
  await whole.terminate();
});

/** The Python examples, in a separate virtual environment, against nightload's worker on a real server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { loadHandle } from '../../src/client/load-handle.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment } from '../../src/testing/test-environment.js';
import { run } from '../../src/dev/run-program.js';
import { startProgram } from '../helpers/consumer-project.js';
import type { Program } from '../helpers/consumer-project.js';
import { accounts, quietWorkers } from '../helpers/load-harness.js';
import { freshNamespace } from '../helpers/namespace.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/python/', import.meta.url));
let folder: string;
let python: string;
let world: NightloadTestEnvironment;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  quietWorkers();
  folder = await mkdtemp(join(tmpdir(), 'nightload-python-'));
  python = join(folder, 'venv/bin/python');
  await run('python3', ['-m', 'venv', join(folder, 'venv')]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', join(EXAMPLES, 'requirements.txt')]);
  const address = inject('temporalAddress');
  const namespace = await freshNamespace(address);
  const fixers = ['correctAccounts@python-fixer'];
  world = await startTestEnvironment({ address, namespace, taskQueue: 'nightload', fixers });
  env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, PYTHONDONTWRITEBYTECODE: '1' };
}, 300_000);
afterAll(async () => {
  await world?.close();
  await rm(folder, { recursive: true, force: true });
});

function startPython(script: string, ...args: string[]): Program {
  return startProgram(join(EXAMPLES, script), args, env, python);
}

it('starts a load by name and reads its result', async () => {
  const rows = accounts(50, (row, n) => (n === 9 ? { ...row, Name: '' } : row));
  const source = await world.csv('python.csv', rows);
  // Many, because one in ten crashed while Python shut down right after the last call.
  const programs = Array.from({ length: 32 }, (_, n) => startPython('start_load.py', source, `from-python-${n}`));
  for (const { ended, said } of programs) {
    expect(await ended, said()).toBe(0);
    expect(said()).toMatch(/^CompletedWithRejects: 49 of 50 landed\nrejected rows: file:.*rejected\.csv\n$/);
  }
});

it('reads the result of a failed load', async () => {
  const program = startPython('start_load.py', `file://${world.folder}/not-there.csv`, 'not-there');
  expect(await program.ended).toBe(0);
  expect(program.said()).toBe('Failed: 0 of 0 landed\n');
});

/** Otherwise the test would wait for a worker that has already ended. */
function orEnd<T>(program: Program, promise: Promise<T>): Promise<T> {
  const gone = program.ended.then((how) => {
    throw new Error(`It ended (${how}):\n${program.said()}`);
  });
  return Promise.race([promise, gone]);
}

it('corrects rejected rows with a fixer in Python', async () => {
  const fixer = startPython('fixer.py');
  try {
    const rows = accounts(40, (row, n) => (n % 10 === 0 ? { ...row, External_Id__c: `F-${n}`, Name: '' } : row));
    // It had a name before, and is rejected for another reason: its name must stay.
    const named = { External_Id__c: 'F-named', Name: 'Its real name' };
    await world.org.setRecordsPerSecond(20_000);
    const seed = await world.csv('named.csv', [named]);
    const upsert = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' } as const;
    expect((await (await startBulkLoad(world.client, { source: seed, ...upsert })).result()).state).toBe('Completed');
    rows.push({ ...named, Name: '', Description: '[always locked]' });
    const { workflowId } = await startBulkLoad(world.client, {
      source: await world.csv('fixer.csv', rows),
      ...upsert,
      loadId: 'with-a-fixer',
      retry: { initialWait: '1s', fixer: { activity: 'correctAccounts', taskQueue: 'python-fixer' } },
    });
    const result = await orEnd(fixer, loadHandle(world.client, workflowId).result());
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 41, succeeded: 40, rejected: 1 },
      balanced: true,
    });
    expect(world.org.records('Account').filter(({ values }) => values.get('Name') === named.Name)).toHaveLength(1);
    const mended = world.org.records('Account').filter(({ values }) => values.get('Name') === 'Unknown');
    expect(mended.map(({ values }) => values.get('External_Id__c')).sort()).toEqual(['F-10', 'F-20', 'F-30', 'F-40']);
  } finally {
    await fixer.stop();
  }
});

it('runs a load as the child of a workflow in Python, and cancels one', async () => {
  const worker = startPython('worker.py');
  try {
    const start = (night: string, source: string) =>
      world.client.workflow.start('accountsOfTheNight', {
        taskQueue: 'python',
        workflowId: night,
        args: [source, night],
      });
    const first = await start('first', await world.csv('first.csv', accounts(30)));
    expect(await orEnd(worker, first.result())).toBe('Completed: 30 of 30');

    await world.org.setRecordsPerSecond(100);
    const second = await start('second', await world.csv('second.csv', accounts(5_000)));
    await expect.poll(() => world.org.jobs().at(-1)?.state, { timeout: 60_000 }).toBe('InProgress');
    await second.cancel();
    await expect.poll(() => world.org.jobs().at(-1)?.state, { timeout: 60_000 }).toBe('Aborted');
    await world.org.setRecordsPerSecond(20_000);
    const error: unknown = await orEnd(worker, second.result()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    const result = await loadHandle(world.client, 'accounts-second').result();
    expect(result).toMatchObject({ state: 'Canceled', balanced: true, records: { total: 5_000, unaccounted: 0 } });
  } finally {
    await worker.stop();
  }
});

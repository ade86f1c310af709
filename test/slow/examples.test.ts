/** The examples, compiled in a separate project against the built package, run on a real server. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadHandle } from '../../src/client/load-handle.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment } from '../../src/testing/test-environment.js';
import { accounts, quietWorkers, readCsv } from '../helpers/load-harness.js';
import { compileExamples, startProgram } from '../helpers/consumer-project.js';
import type { HostProject } from '../helpers/consumer-project.js';
import { freshNamespace } from '../helpers/namespace.js';

const WORKFLOWS = ['child-workflow', 'accounts-then-contacts'];
let world: NightloadTestEnvironment;
let project: HostProject;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  quietWorkers();
  const address = inject('temporalAddress');
  const namespace = await freshNamespace(address);
  [world, project] = await Promise.all([
    startTestEnvironment({ address, namespace, taskQueue: 'nightload' }),
    compileExamples(...WORKFLOWS, 'start-from-code', 'file-events', 'in-a-test'),
  ]);
  env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
});
afterAll(async () => {
  await project?.remove();
  await world?.close();
});

/** Runs a workflow of an example in a worker without nightload. */
async function runWorkflow(example: string, type: string, args: string[], workflowId: string): Promise<unknown> {
  const taskQueue = randomUUID();
  const worker = await Worker.create({
    connection: world.connection,
    namespace: env['TEMPORAL_NAMESPACE'] as string,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: project.path(`${example}/workflows.js`),
      logger: new DefaultLogger('ERROR'),
    }),
  });
  return worker.runUntil(
    world.client.workflow.execute(type, { taskQueue, workflowId, args, workflowExecutionTimeout: '90s' }),
  );
}

describe('a load as a child workflow', () => {
  const run = (source: string, id: string): Promise<unknown> =>
    runWorkflow('child-workflow', 'loadAccounts', [source, id], randomUUID());

  it('returns its result', async () => {
    const rows = accounts(20, (row, n) => (n === 7 ? { ...row, Name: '' } : row));
    const said = await run(await world.csv('some.csv', rows), 'some');
    const result = await loadHandle(world.client, 'some').result();
    expect(said).toBe(`19 of 20 landed, rejected: ${result.files.rejected}`);
    const schema = new URL('../../schemas/bulk-load-result.schema.json', import.meta.url);
    const isResult = new Ajv({ allowUnionTypes: true }).compile(
      JSON.parse(readFileSync(fileURLToPath(schema), 'utf8')) as object,
    );
    expect(isResult(result) || isResult.errors).toBe(true);
  });

  it('reports its result when it fails', async () => {
    const said = await run(`file://${world.folder}/not-there.csv`, 'not-there');
    expect(said).toBe('failed with SOURCE_NOT_FOUND, 0 landed');
  });
});

it('loads contacts of accounts that were loaded before them', async () => {
  const parents = await world.csv('accounts.csv', [
    { External_Id__c: 'ACC-1', Name: 'Acme' },
    { External_Id__c: 'ACC-2', Name: 'Globex' },
  ]);
  const children = await world.csv('contacts.csv', [
    { External_Id__c: 'C-1', LastName: 'Coyote', 'Account Number': 'ACC-1' },
    { External_Id__c: 'C-2', LastName: 'Scorpio', 'Account Number': 'ACC-2' },
    { External_Id__c: 'C-3', LastName: 'Runner', 'Account Number': 'ACC-1' },
  ]);
  const said = await runWorkflow('accounts-then-contacts', 'accountsThenContacts', [parents, children], 'crm');
  expect(said).toMatch(/^2 accounts, 3 contacts, ids in file:/);
  const kept = await readCsv((said as string).split('ids in ')[1]);
  const ids = new Map(kept.map((row) => [row['External_Id__c'], row['sf__Id']]));
  const contacts = world.org.records('Contact').map(({ values }) => [values.get('LastName'), values.get('AccountId')]);
  expect(contacts).toEqual([
    ['Coyote', ids.get('ACC-1')],
    ['Scorpio', ids.get('ACC-2')],
    ['Runner', ids.get('ACC-1')],
  ]);
});

it('starts a load from a program and waits for it', async () => {
  const source = await world.csv('program.csv', accounts(3));
  const program = startProgram(project.path('start-from-code/start.js'), [source], env);
  await expect.poll(program.said, { timeout: 30_000 }).toMatch(/Completed: 3 of 3 landed/);
  expect(program.said()).toMatch(/^bulk-load\/Account-upsert-[0-9a-f]{16} is started/);
});

it('tests with a simulated org', async () => {
  const program = startProgram(project.path('in-a-test/load.test.js'), [], { ...env, TEMPORAL_ADDRESS: '' });
  await expect(program.ended, program.said()).resolves.toBe(0);
  expect(program.said()).toMatch(/rejects an account without a name/);
});

it('starts one load for a file that arrives, however often the event is delivered', async () => {
  const incoming = world.folder;
  const program = startProgram(project.path('file-events/watch.js'), [incoming], env);
  try {
    await expect.poll(program.said, { timeout: 30_000 }).toMatch(/watching/);
    const before = world.org.jobs().length;
    const file = join(incoming, 'accounts-2026-11-26.csv');
    await writeFile(file, 'External_Id__c,Name\nEV-1,Acme\nEV-2,Globex\n');
    await expect.poll(program.said, { timeout: 30_000 }).toMatch(/accounts-2026-11-26 started/);
    const load = loadHandle(world.client, 'accounts-2026-11-26');
    expect(await load.result()).toMatchObject({ state: 'Completed', records: { succeeded: 2 } });
    // The same file again, as a second event.
    const copy = join(world.folder, 'copy.txt');
    await copyFile(file, copy);
    await copyFile(copy, file);
    await expect.poll(program.said, { timeout: 30_000 }).toMatch(/was loaded before/);
    expect(world.org.jobs()).toHaveLength(before + 1);
    expect(program.said().match(/started/g)).toHaveLength(1);
  } finally {
    await program.stop();
  }
});

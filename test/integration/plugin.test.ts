/** nightload inside another project's worker: the example, compiled and run as a separate process. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { Worker } from '@temporalio/worker';
import { loadHandle } from '../../src/client/load-handle.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { NightloadPlugin } from '../../src/workers/plugin.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment } from '../../src/testing/test-environment.js';
import { compileExamples, startProgram } from '../helpers/consumer-project.js';
import type { HostProject, Program } from '../helpers/consumer-project.js';
import { freshNamespace } from '../helpers/namespace.js';

let world: NightloadTestEnvironment;
let project: HostProject;
let worker: Program;
let namespace: string;

const environment = (): Record<string, string> => ({
  TEMPORAL_ADDRESS: inject('temporalAddress'),
  TEMPORAL_NAMESPACE: namespace,
  SF_INSTANCE_URL: world.org.url,
  SF_ACCESS_TOKEN: world.org.token,
  EXPORTS: world.folder,
  HOME: world.folder,
});

beforeAll(async () => {
  const address = inject('temporalAddress');
  namespace = await freshNamespace(address);
  [world, project] = await Promise.all([
    startTestEnvironment({ address, namespace, worker: false }),
    compileExamples('own-worker'),
  ]);
  worker = startProgram(project.path('own-worker/worker.js'), [], environment());
});
afterAll(async () => {
  await worker?.stop();
  await project?.remove();
  await world?.close();
});

it("runs loads as children of the host's workflows, on the host's task queue and in its worker", async () => {
  const handle = await world.client.workflow.start('nightlyAccounts', {
    taskQueue: 'my-team',
    workflowId: 'nightly',
    args: ['2026-11-26'],
    workflowExecutionTimeout: '60s',
  });
  expect(await handle.result()).toBe('Completed: 2 of 2');
  expect(world.org.records('Account').map(({ values }) => values.get('Name'))).toEqual(['Acme', 'Globex']);
  const load = loadHandle(world.client, 'accounts-2026-11-26');
  expect(await load.filesQueue()).toMatch(/^my-team-files-/);
  expect((await load.result()).files.succeeded[0]).toContain(world.folder);
});

it("does not load a secret in the host's folders", async () => {
  for (const name of ['.config/temporalio/temporal.toml', '.sfdx/key.json']) {
    const load = await startBulkLoad(
      world.client,
      {
        source: pathToFileURL(join(world.folder, name)).href,
        object: 'Account',
        operation: 'insert',
        loadId: `secret-${randomUUID().slice(0, 8)}`,
      },
      { taskQueue: 'my-team' },
    );
    expect(await load.result()).toMatchObject({ error: { code: 'FILE_OUTSIDE_ROOTS' } });
  }
});

it('keeps undecodable messages from freezing loads, also in a bundle that the host makes as documented', async () => {
  const bundling = startProgram(project.path('own-worker/bundle.js'), [], {});
  expect([await bundling.ended, bundling.said()]).toEqual([0, expect.not.stringMatching(/error/i)]);
  const code = await readFile(project.path('own-worker/worker.js'), 'utf8');
  const bundled = code
    .replace(
      /workflowsPath: .*,\n/,
      "workflowBundle: { codePath: new URL('./workflow-bundle.js', import.meta.url).pathname },\n",
    )
    .replace("taskQueue: 'my-team'", "taskQueue: 'bundled'");
  await writeFile(project.path('own-worker/bundled-worker.js'), bundled);
  const host = startProgram(project.path('own-worker/bundled-worker.js'), [], environment());
  onTestFinished(async () => void (await host.stop()));
  for (const taskQueue of ['bundled', 'my-team']) {
    const workflowId = `bulk-load/undecodable-${taskQueue}`;
    await world.client.workflowService.startWorkflowExecution({
      namespace,
      requestId: randomUUID(),
      workflowId,
      workflowType: { name: 'bulkLoad' },
      taskQueue: { name: taskQueue },
      input: { payloads: [{ metadata: { encoding: Buffer.from('binary/other') }, data: Buffer.from('x') }] },
    });
    const load = loadHandle(world.client, workflowId);
    await expect.poll(async () => (await load.describe()).status.name).toBe('FAILED');
    expect(await load.result()).toMatchObject({ state: 'Failed', error: { code: 'INVALID_INPUT' } });
  }
  // Its own workflow, and a whole load, from the bundle.
  const args = ['2026-11-27'];
  const nightly = {
    taskQueue: 'bundled',
    workflowId: 'nightly-bundled',
    args,
    workflowExecutionTimeout: '60s',
  } as const;
  expect(await world.client.workflow.execute('nightlyAccounts', nightly)).toBe('Completed: 2 of 2');
  expect(host.said()).not.toMatch(/Ignoring|panic/);
});

it('ends with its host, on both task queues at once', async () => {
  const { stop, said } = worker;
  const before = said().length;
  expect(await stop()).toBe(0);
  expect(said().slice(before)).not.toMatch(/error|panic/i);
});

describe('a host that is refused', () => {
  it('has an activity with the name of a nightload step', async () => {
    const { connection, connections, folder } = world;
    const plugin = new NightloadPlugin({ connections, roots: [folder] });
    const activities = { createJob: () => Promise.resolve('mine') };
    await expect(
      Worker.create({ connection, namespace, taskQueue: 'taken', activities, plugins: [plugin] }),
    ).rejects.toThrow(/the names of nightload's steps \(createJob\)/);
  });

  it('has no connection', async () => {
    const plugin = new NightloadPlugin({ connections: new Map() });
    await expect(Worker.create({ taskQueue: 'unconnected', activities: {}, plugins: [plugin] })).rejects.toThrow(
      /needs a worker with a connection/,
    );
  });
});

/** nightload inside a worker of somebody else's project: the example, compiled and run as a process of its own. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Worker } from '@temporalio/worker';
import { loadHandle } from '../../src/load-handle.js';
import { NightloadPlugin } from '../../src/plugin.js';
import { startTestEnvironment } from '../../src/testing.js';
import type { NightloadTestEnvironment } from '../../src/testing.js';
import { compileExamples, startProgram } from '../support/host-project.js';
import type { HostProject, Program } from '../support/host-project.js';
import { freshNamespace } from '../support/namespace.js';

let world: NightloadTestEnvironment;
let project: HostProject;
let worker: Program;
let namespace: string;

beforeAll(async () => {
  const address = inject('temporalAddress');
  namespace = await freshNamespace(address);
  [world, project] = await Promise.all([
    startTestEnvironment({ address, namespace, worker: false }),
    compileExamples('own-worker'),
  ]);
  worker = startProgram(project.path('own-worker/worker.js'), [], {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    SF_INSTANCE_URL: world.org.url,
    SF_ACCESS_TOKEN: world.org.token,
    EXPORTS: world.folder,
  });
});
afterAll(async () => {
  await worker?.stop();
  await project?.remove();
  await world?.close();
});

it("runs loads as children of the host's workflows, on the host's queue and in its worker", async () => {
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

it('ends with its host, both queues at once', async () => {
  const { stop, said } = worker;
  expect(await stop()).toBe(0);
  expect(said()).not.toMatch(/error|panic/i);
});

describe('a host that cannot be served', () => {
  it('has an activity called as a step of nightload', async () => {
    const { connection, connections, folder } = world;
    const plugin = new NightloadPlugin({ connections, roots: [folder] });
    const activities = { createJob: () => Promise.resolve('mine') };
    await expect(
      Worker.create({ connection, namespace, taskQueue: 'taken', activities, plugins: [plugin] }),
    ).rejects.toThrow(/called as steps of nightload \(createJob\)/);
  });

  it('has no connection', async () => {
    const plugin = new NightloadPlugin({ connections: new Map() });
    await expect(Worker.create({ taskQueue: 'unconnected', activities: {}, plugins: [plugin] })).rejects.toThrow(
      /needs the worker to have a connection/,
    );
  });
});

/** docker/worker-health.mjs against a real Temporal server. */
import { execFile } from 'node:child_process';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workflowBundle } from '../../src/workers/bundle.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { REPOSITORY } from '../containers/compose.js';

const run = promisify(execFile);
let server: DevServer;

beforeAll(async () => {
  const { path } = await findTemporalServer({ log: (line) => console.error(line) });
  server = await startDevServer({ binary: path, uiPort: 'off' });
}, 600_000);

afterAll(async () => {
  await server?.stop();
});

/** The error; empty if the worker is healthy. */
async function health(taskQueue: string, address = server.address): Promise<string> {
  const env = { PATH: process.env['PATH'], TEMPORAL_ADDRESS: address, NIGHTLOAD_TASK_QUEUE: taskQueue };
  return run(process.execPath, [resolve(REPOSITORY, 'docker/worker-health.mjs')], { env }).then(
    () => '',
    (error: { code: number; stderr: string }) => {
      expect(error.code).toBe(1);
      return error.stderr;
    },
  );
}

/** A worker with that name polls for work while this runs; without a name, with its default one. */
async function whileWorking(taskQueue: string, identity: string | undefined, look: () => Promise<void>): Promise<void> {
  const connection = await NativeConnection.connect({ address: server.address });
  try {
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: await workflowBundle(),
      ...(identity !== undefined && { identity }),
    });
    await worker.runUntil(async () => {
      await expect
        .poll(
          async () => {
            const { pollers } = await connection.workflowService.describeTaskQueue({
              namespace: 'default',
              taskQueue: { name: taskQueue },
              taskQueueType: 1,
            });
            return pollers?.length;
          },
          { timeout: 10_000 },
        )
        .toBe(1);
      await look();
    });
  } finally {
    await connection.close();
  }
}

it('accepts a worker of this host', async () => {
  await whileWorking('own', undefined, async () => expect(await health('own')).toBe(''));
});

it('does not accept a worker of another container, or of another task queue', async () => {
  // The same process number, as in another container, and a hostname that ends like this one.
  for (const [i, identity] of [`${process.pid}@other`, `${process.pid}@other-${hostname()}`].entries()) {
    await whileWorking(`foreign-${i}`, identity, async () => {
      expect(await health(`foreign-${i}`)).toContain(
        `no worker of this container asks for work on the task queue foreign-${i}`,
      );
    });
  }
  expect(await health('nobody')).toContain('no worker of this container');
});

it('fails when Temporal is unreachable', async () => {
  expect(await health('own', '127.0.0.1:1')).not.toBe('');
});

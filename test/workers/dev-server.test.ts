/** A real dev server, started, stopped and started again. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract.js';
import { freePort, startDevServer } from '../../src/workers/dev-server.js';
import type { DevServer } from '../../src/workers/dev-server.js';
import { findTemporalServer } from '../../src/workers/temporal-server.js';

let folder: string;
let binary: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-dev-server-'));
  ({ path: binary } = await findTemporalServer({ log: (line) => console.error(line) }));
}, 600_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask<T>(server: DevServer, question: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await question(new Client({ connection, namespace: server.namespace }));
  } finally {
    await connection.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let waited = 0; waited < 5_000 && isAlive(pid); waited += 50) await new Promise((done) => setTimeout(done, 50));
  return !isAlive(pid);
}

describe('a dev server', () => {
  it('keeps runs, retention and search attributes over a restart on the same file and port', async () => {
    const workflowId = `kept-${randomUUID()}`;
    const options = { binary, dbFile: join(folder, 'temporal.db'), port: await freePort(), uiPort: 'off' as const };
    const first = await startDevServer(options);
    await ask(first, (client) => client.workflow.start('bulkLoad', { workflowId, taskQueue: 'nobody' }));
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await startDevServer(options);
    try {
      expect(second.address).toBe(first.address);
      expect(second.uiUrl).toBeUndefined();
      await ask(second, async ({ connection, workflow }) => {
        expect((await workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING');
        const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
        expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
        expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
      });
    } finally {
      await second.stop();
    }
  });

  it('serves the UI and another namespace', async () => {
    const server = await startDevServer({
      binary,
      namespace: 'nights',
      port: await freePort(),
      uiPort: await freePort(),
    });
    try {
      expect((await fetch(`${server.uiUrl}/`)).status).toBe(200);
      const described = await ask(server, ({ connection }) =>
        connection.workflowService.describeNamespace({ namespace: 'nights' }),
      );
      expect(Number(described.config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
    } finally {
      await server.stop();
    }
  });

  it('says the server’s last words when it does not start', async () => {
    const broken = join(folder, 'broken');
    await writeFile(broken, '#!/bin/sh\necho "disk on fire" >&2\nexit 3\n', { mode: 0o755 });
    await expect(startDevServer({ binary: broken, uiPort: 'off' })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_STARTED',
      message: expect.stringContaining('disk on fire'),
    });
    await expect(startDevServer({ binary: join(folder, 'missing'), uiPort: 'off' })).rejects.toThrow('ENOENT');
  });

  it('ends with the process that started it, even by kill -9', async () => {
    const module = new URL('../../dist/workers/dev-server.js', import.meta.url).href;
    const script = `
      import { startDevServer } from ${JSON.stringify(module)};
      const server = await startDevServer({ binary: ${JSON.stringify(binary)}, port: ${await freePort()}, uiPort: 'off' });
      console.log(server.pid);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(chunk.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    expect(await gone(pid)).toBe(true);
  });
});

/** A real dev server that is started, stopped and started again. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/names.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import { freePort } from '../../src/runtime/free-port.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';

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

interface Place {
  host: string;
  port: number;
}

/** A process's listening sockets, from Linux's own tables. */
async function listening(pid: number): Promise<Place[]> {
  const links = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
  const inodes = (await Promise.all(links)).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  return tables
    .flatMap((table) => table.trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode = '']) => state === '0A' && inodes.includes(inode))
    .map(([, local = '']) => {
      const [address = '', port = ''] = local.split(':');
      const bytes = Buffer.from(address, 'hex').reverse();
      // No IPv6 address is expected.
      return { host: bytes.length === 4 ? bytes.join('.') : address, port: Number.parseInt(port, 16) };
    });
}

/** 0 if the server does not speak HTTP. */
function answer(
  { host, port }: Place,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): Promise<number> {
  return new Promise((done) => {
    const request = httpRequest({ host, port, method, path, headers, timeout: 5_000 }, (response) =>
      done(response.resume().statusCode ?? 0),
    );
    request.on('timeout', () => request.destroy()).on('error', () => done(0));
    request.end(body);
  });
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
      // Without a write-ahead log, the server takes half as much processor time again.
      expect(await readdir(folder)).toContain('temporal.db-wal');
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

  it.runIf(process.platform === 'linux')(
    'is accessible to its user only: private files, no HTTP API, a guarded UI',
    async () => {
      const dbFile = join(folder, 'private.db');
      const modes = async (): Promise<Record<string, string>> => {
        const names = (await readdir(folder)).filter((name) => name.startsWith('private.db'));
        const found = new Map<string, string>();
        for (const name of names) {
          // SQLite removes its journal while it works.
          const entry = await stat(join(folder, name)).catch(() => undefined);
          if (entry !== undefined) found.set(name, (entry.mode & 0o777).toString(8));
        }
        return Object.fromEntries(found);
      };
      const before = process.umask(0);
      const server = await startDevServer({ binary, dbFile, port: await freePort(), uiPort: await freePort() });
      try {
        const found = await modes();
        expect(Object.keys(found)).toEqual(expect.arrayContaining(['private.db', 'private.db.server']));
        expect(new Set(Object.values(found))).toEqual(new Set(['600']));

        // gRPC and the HTTP API of the frontend, metrics, the UI, and the internal services.
        const places = await listening(server.pid);
        expect(places.length).toBeGreaterThanOrEqual(4);
        for (const { host } of places) expect(host).toMatch(/^127\./);
        // What a page could reach: 127.0.0.1, under any name.
        const reached: unknown[] = [];
        for (const { host, port } of places.filter((place) => place.host === '127.0.0.1')) {
          for (const name of [`${host}:${port}`, `localhost:${port}`, `evil.example:${port}`]) {
            for (const path of [
              '/api/v1/namespaces/default/workflows',
              '/api/v1/namespaces',
              '/system-info',
              '/cluster',
            ]) {
              const status = await answer({ host, port }, 'GET', path, { host: name });
              if (status >= 200 && status < 300) reached.push([name, path, status]);
            }
          }
        }
        expect(reached).toEqual([]);

        const ui = new URL(server.uiUrl ?? '');
        const place = { host: ui.hostname, port: Number(ui.port) };
        const workflow = '/api/v1/namespaces/default/workflows/started-by-a-page';
        const body = '{"workflowType":{"name":"bulkLoad"},"taskQueue":{"name":"nobody"}}';
        const rebound = `evil.example:${ui.port}`;
        const page = { host: rebound, origin: `http://${rebound}`, 'sec-fetch-site': 'same-origin' };
        expect(await answer(place, 'POST', workflow, { ...page, 'content-type': 'application/json' }, body)).toBe(403);
        expect(await answer(place, 'GET', '/api/v1/namespaces/default/workflows', { host: rebound })).toBe(403);
        const own = { host: ui.host, origin: ui.origin, 'sec-fetch-site': 'same-origin' };
        const foreign = { ...own, origin: 'https://evil.example', authorization: 'x', 'sec-fetch-site': 'cross-site' };
        expect(await answer(place, 'POST', workflow, foreign, body)).toBe(403);
        await ask(server, async ({ workflow: workflows }) => {
          await expect(workflows.getHandle('started-by-a-page').describe()).rejects.toThrow('not found');
        });
        expect(await answer(place, 'GET', '/api/v1/namespaces/default/workflows', own)).toBe(200);
        expect(await answer(place, 'POST', workflow, { ...own, 'content-type': 'application/json' }, body)).toBe(200);
      } finally {
        await server.stop();
      }
      try {
        // Permissions as in an earlier version.
        await chmod(dbFile, 0o644);
        await (await startDevServer({ binary, dbFile, port: await freePort(), uiPort: 'off' })).stop();
        expect((await modes())['private.db']).toBe('600');
      } finally {
        process.umask(before);
      }
    },
  );

  it('reports the server’s last output when it does not start', async () => {
    const broken = join(folder, 'broken');
    await writeFile(broken, '#!/bin/sh\necho "disk on fire" >&2\nexit 3\n', { mode: 0o755 });
    await expect(startDevServer({ binary: broken, uiPort: 'off' })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_STARTED',
      message: expect.stringContaining('disk on fire'),
    });
    await expect(startDevServer({ binary: join(folder, 'missing'), uiPort: 'off' })).rejects.toThrow('not found');
  });

  it('ends with the process that started it, even after kill -9', async () => {
    const module = new URL('../../dist/dev/dev-server.js', import.meta.url).href;
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

/**
 * A dev server accepts Nexus requests over HTTP from any client that reaches its port: a page in a browser must not
 * start or cancel loads.
 */
import { execFileSync } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import { freePort } from '../../src/runtime/free-port.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { quietWorkers } from '../helpers/load-harness.js';

/** Headers of browsers for a request to another site, and to a name of the page's own that leads here. */
const PAGES: Record<string, string>[] = [
  { origin: 'https://page.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'null' },
  { origin: 'http://rebound.example:80' },
  { 'sec-fetch-site': 'same-origin' },
];
const PROGRAM = {};

function post(port: number, path: string, headers: Record<string, string>, body = ''): Promise<number> {
  return new Promise((done, failed) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) =>
      done(response.resume().statusCode ?? 0),
    );
    request.on('error', failed).end(body);
  });
}

it('requests of web pages are refused by the service, which programs can call', async () => {
  quietWorkers();
  const { path: binary } = await findTemporalServer();
  const server = await startDevServer({ binary, uiPort: 'off', port: await freePort() });
  onTestFinished(() => server.stop());
  const words = execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(server.pid)], { encoding: 'utf8' });
  const port = Number(/--http-port (\d+)/.exec(words)?.[1]);
  const world = await startTestEnvironment({ address: server.address });
  onTestFinished(() => world.close());
  const { client, folder, taskQueue } = world;
  const input = {
    source: `file://${folder}/later.csv`,
    object: 'Account',
    operation: 'insert',
    waitForSource: '1h',
  } as const;
  const operation = `/namespaces/default/task-queues/${taskQueue}/nexus-services/nightload/bulkLoad`;
  const start = (loadId: string, headers: Record<string, string>): Promise<number> =>
    post(
      port,
      operation,
      { 'nexus-request-id': loadId, 'content-type': 'application/json', ...headers },
      JSON.stringify({ ...input, loadId }),
    );
  const { workflowId } = await startBulkLoad(client, { ...input, loadId: 'victim' }, { taskQueue });
  const token = Buffer.from(JSON.stringify({ t: 1, ns: 'default', wid: workflowId })).toString('base64url');
  const cancel = (headers: Record<string, string>): Promise<number> =>
    post(port, `${operation}/cancel?token=${token}`, { 'content-type': 'text/plain', ...headers });
  const asked = async (): Promise<number> => {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionCancelRequestedEventAttributes != null).length;
  };

  for (const [n, page] of PAGES.entries()) {
    expect(await start(`page-${n}`, page)).toBe(403);
    expect(await cancel(page)).toBe(403);
    await expect(client.workflow.getHandle(`bulk-load/page-${n}`).describe()).rejects.toThrow(/not found/i);
  }
  expect(await asked()).toBe(0);
  expect(await start('program', PROGRAM)).toBe(201);
  expect(await cancel(PROGRAM)).toBe(202);
  await expect.poll(asked).toBe(1);
  await client.workflow.getHandle('bulk-load/program').cancel();
  for (const id of ['program', 'victim']) {
    const load = client.workflow.getHandle(`bulk-load/${id}`);
    await expect.poll(async () => (await load.describe()).status.name).toBe('CANCELLED');
  }
});

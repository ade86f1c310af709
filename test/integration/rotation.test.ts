/**
 * Refresh tokens that the org rotates, and access tokens that expire every few requests, through a whole load on two
 * worker processes that share a connections file; one of them is killed while it renews the login.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, newLoadId } from '../helpers/load-harness.js';

const ROWS = 1_200;

let org: Simulator;
let folder: string;
let workers: Command[];
let connection: Connection;
beforeEach(async () => {
  org = await startSimulator({ recordsPerSecond: 150, tokenRequests: 4, oauth: { rotateRefreshTokens: true } });
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-rotation-')));
  connection = await Connection.connect({ address: inject('temporalAddress') });
  workers = [];
});
afterEach(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await connection.close();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

/** The process that is renewing the login. */
async function renewing(): Promise<number> {
  const files = await readdir(join(folder, 'etc/connections.json.tokens'));
  const numbers = files.flatMap((name) => /\.lock\.(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const newest = files.find((name) => name.endsWith(`.lock.${Math.max(...numbers)}`)) as string;
  return Number.parseInt(await readFile(join(folder, 'etc/connections.json.tokens', newest), 'utf8'), 10);
}

it('a load lands every row once, whichever worker renews or is killed during a renewal', async () => {
  await mkdir(join(folder, 'etc'));
  await mkdir(join(folder, 'data'));
  const entry = {
    auth: 'refreshToken',
    loginUrl: org.url,
    clientId: 'nightload-client',
    refreshToken: 'env:REFRESH_TOKEN',
  };
  const NIGHTLOAD_CONNECTIONS = join(folder, 'etc/connections.json');
  await writeFile(NIGHTLOAD_CONNECTIONS, JSON.stringify({ connections: { default: entry } }), { mode: 0o600 });
  const taskQueue = `rotation-${randomUUID().slice(0, 8)}`;
  const env = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    NIGHTLOAD_TASK_QUEUE: taskQueue,
    NIGHTLOAD_FILE_ROOTS: join(folder, 'data'),
    NIGHTLOAD_CONNECTIONS,
    REFRESH_TOKEN: 'nightload-refresh',
  };
  workers = await Promise.all([startWorkerProcess(env, folder), startWorkerProcess(env, folder)]);
  const source = join(folder, 'data/accounts.csv');
  await writeFile(source, stringify(accounts(ROWS), { header: true }));
  const handle = await startBulkLoad(
    new Client({ connection }),
    {
      source: pathToFileURL(source).href,
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      loadId: newLoadId('r'),
      part: { maxBytes: 20_000, maxConcurrent: 2 },
      poll: { initialInterval: '300ms', maximumInterval: '500ms', settleInterval: '200ms' },
    },
    { taskQueue },
  );
  await expect.poll(() => org.ledger.count('info'), { timeout: 40_000 }).toBeGreaterThan(2);
  const before = org.ledger.count('token');
  org.fault({ kind: 'token', action: 'hang' });
  await expect.poll(() => org.ledger.count('token'), { timeout: 40_000, interval: 20 }).toBe(before + 1);
  const killed = await renewing();
  expect(workers.map(({ child }) => child.pid)).toContain(killed);
  process.kill(killed, 'SIGKILL');
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Completed', records: { total: ROWS, succeeded: ROWS }, balanced: true });
  const records = org.records('Account');
  expect(records).toHaveLength(ROWS);
  expect(records.every(({ applied }) => applied === 1)).toBe(true);
  // Each login rotated: if one token had been used twice, the org would have ended the authorization.
  expect(org.ledger.count('token')).toBeGreaterThan(before + 2);
  const said = workers.map(({ stderr }) => stderr()).join('');
  expect(said).not.toContain('AUTH_INVALID_GRANT');
});

/** Client certificates for Temporal are rotated while a worker and a command run: neither needs a restart. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest';
import { RenewableConnection } from '../../src/cli/temporal/renewable-connection.js';
import { renewClient, temporalSettings } from '../../src/cli/temporal/connect.js';
import { nativeConnection, renewWorker } from '../../src/cli/temporal/worker-connection.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startSimulator } from '../../src/simulator/index.js';
import { certificate } from '../helpers/certificate.js';
import type { Certificate } from '../helpers/certificate.js';
import { accounts, FAST, newLoadId, quietWorkers, startTestWorker } from '../helpers/load-harness.js';

const NAME = 'temporal.internal';
const EVERY_MS = 200;

interface Front {
  address: string;
  /** Common names of the accepted clients. */
  seen: string[];
  /** From now on accepts only clients of this authority; connected clients must reconnect. */
  trust(authority: Certificate): void;
}

let folder: string;
let ends: (() => unknown)[];
beforeEach(async () => {
  quietWorkers();
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-credentials-')));
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const makeAuthority = (name: string): Certificate => certificate(name, { authority: true });

/** TLS with client certificates in front of the test's Temporal server. */
async function openFront(first: Certificate): Promise<Front> {
  const servers = makeAuthority('servers');
  await writeFile(join(folder, 'server.pem'), servers.cert);
  const { cert, key } = certificate(NAME, { by: servers, names: [NAME] });
  const options = { cert, key, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] };
  const [host = '', port = ''] = inject('temporalAddress').split(':');
  const sockets = new Set<TLSSocket>();
  const seen: string[] = [];
  const server = createServer({ ...options, ca: first.cert }, (socket) => {
    seen.push(String(socket.getPeerCertificate().subject.CN));
    sockets.add(socket);
    const inner = connect(Number(port), host);
    inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('error', () => inner.destroy()).on('close', () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  ends.push(() => server.close());
  vi.stubEnv('TEMPORAL_ADDRESS', `127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('TEMPORAL_TLS_SERVER_CA_CERT_PATH', join(folder, 'server.pem'));
  vi.stubEnv('TEMPORAL_TLS_SERVER_NAME', NAME);
  vi.stubEnv('TEMPORAL_TLS_CLIENT_CERT_PATH', join(folder, 'client.pem'));
  vi.stubEnv('TEMPORAL_TLS_CLIENT_KEY_PATH', join(folder, 'client.key'));
  return {
    address: process.env['TEMPORAL_ADDRESS'] ?? '',
    seen,
    trust(authority) {
      server.setSecureContext({ ...options, ca: authority.cert });
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
}

/** As in a rotation: one file after the other. */
async function writeClient(authority: Certificate, name: string): Promise<void> {
  const { cert, key } = certificate(name, { by: authority });
  await writeFile(join(folder, 'client.pem'), cert);
  await new Promise((done) => setTimeout(done, 2 * EVERY_MS));
  await writeFile(join(folder, 'client.key'), key);
}

it('a worker and its running load continue with the new certificate', async () => {
  const [first, second] = [makeAuthority('first'), makeAuthority('second')];
  const front = await openFront(first);
  await writeClient(first, 'worker-1');
  const org = await startSimulator({ recordsPerSecond: 200 });
  ends.push(() => org.close());
  const taskQueue = `credentials-${randomUUID().slice(0, 8)}`;
  const settings = temporalSettings();
  const worker = await startTestWorker(await nativeConnection(settings), org, folder, taskQueue);
  ends.push(() => worker.stop());
  ends.push(renewWorker(settings, worker, EVERY_MS));
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  ends.push(() => connection.close());
  const load = async (name: string, rows: number): Promise<unknown> => {
    await writeFile(
      join(folder, name),
      stringify(
        accounts(rows).map((row) => ({ ...row, External_Id__c: `${name}-${row['External_Id__c']}` })),
        { header: true },
      ),
    );
    const source = pathToFileURL(join(folder, name)).href;
    const input = {
      ...FAST,
      source,
      object: 'Account',
      operation: 'insert',
      loadId: newLoadId('c'),
    } as const;
    return (await startBulkLoad(new Client({ connection }), input, { taskQueue })).result();
  };
  const running = load('one.csv', 600);
  await expect.poll(() => org.jobs()[0]?.state, { timeout: 20_000 }).toBe('InProgress');
  front.trust(second);
  await writeClient(second, 'worker-2');
  await expect.poll(() => front.seen, { timeout: 20_000 }).toContain('worker-2');
  expect(await running).toMatchObject({ state: 'Completed', records: { succeeded: 600 }, jobsTotal: 1 });
  expect(await load('two.csv', 10)).toMatchObject({ state: 'Completed' });
  expect(org.records('Account')).toHaveLength(610);
});

it('a command continues with the new certificate', async () => {
  const [first, second] = [makeAuthority('first'), makeAuthority('second')];
  const front = await openFront(first);
  await writeClient(first, 'command-1');
  const settings = temporalSettings();
  const connection = new RenewableConnection(await Connection.connect(settings.connectionOptions));
  ends.push(() => connection.close());
  ends.push(renewClient(settings, connection, EVERY_MS));
  const client = new Client({ connection });
  const ask = (): Promise<unknown> => client.workflowService.describeNamespace({ namespace: 'default' });
  await ask();
  front.trust(second);
  await writeClient(second, 'command-2');
  const answer = (): Promise<string> =>
    ask().then(
      () => 'answered',
      () => 'not yet',
    );
  await expect.poll(answer, { timeout: 20_000 }).toBe('answered');
  expect(front.seen.at(-1)).toBe('command-2');
});

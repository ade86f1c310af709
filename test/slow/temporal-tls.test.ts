/**
 * Temporal behind TLS, as in production: client certificates, API keys, settings from a profile. The tests' server,
 * with a TLS front created here.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { certificate } from '../helpers/certificate.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';
import { grpcFront } from '../helpers/grpc-front.js';
import type { GrpcFront } from '../helpers/grpc-front.js';
import { accounts, newLoadId, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const address = inject('temporalAddress');
const NAME = 'temporal.internal';
const API_KEY = `key-${randomUUID()}`;
const authority = certificate('servers', { authority: true });
const clients = certificate('clients', { authority: true });
const own = certificate('temporal', { by: authority, names: [NAME] });
const worker = certificate('night-worker', { by: clients });
const stranger = certificate('stranger', { by: certificate('others', { authority: true }) });

let world: World;
let front: GrpcFront | undefined;
const path = (name: string): string => join(world.folder, name);
beforeAll(async () => {
  world = await openWorld();
  await writeFile(path('ca.pem'), authority.cert);
  for (const [name, one] of Object.entries({ worker, stranger })) {
    await writeFile(path(`${name}.pem`), one.cert);
    await writeFile(path(`${name}.key`), one.key);
  }
});
afterEach(() => front?.close());
afterAll(() => world.end());

const tls = (at: GrpcFront): Record<string, string> => ({
  TEMPORAL_ADDRESS: at.address,
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: path('ca.pem'),
  TEMPORAL_TLS_SERVER_NAME: NAME,
});
const client = (name: string): Record<string, string> => ({
  TEMPORAL_TLS_CLIENT_CERT_PATH: path(`${name}.pem`),
  TEMPORAL_TLS_CLIENT_KEY_PATH: path(`${name}.key`),
});

async function ran(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: unknown; said: string; json: string }> {
  const command = nightload(args, env, world.folder);
  const code = await command.ended;
  return { code, said: command.stderr(), json: command.stdout() };
}

/** One for all tests, because the org's ledger stays on the task queue of its first load. */
const QUEUE = `tls-${randomUUID().slice(0, 8)}`;

/** Runs a worker and a load with the built command, through the front. */
async function expectLoads(env: Record<string, string>): Promise<void> {
  const loadId = newLoadId('tls');
  const all = {
    ...env,
    NIGHTLOAD_TASK_QUEUE: QUEUE,
    SF_INSTANCE_URL: world.org.url,
    SF_ACCESS_TOKEN: world.org.token,
  };
  const process = await startWorkerProcess({ ...all, NIGHTLOAD_FILE_ROOTS: world.folder }, world.folder);
  const rows = accounts(10, (row, n) => ({ ...row, External_Id__c: `${loadId}-${n}` }));
  await world.csv(rows, `${loadId}.csv`);
  const load = await ran(
    [
      'load',
      `${loadId}.csv`,
      '--object',
      'Account',
      '--operation',
      'insert',
      '--id',
      loadId,
      '--poll-initial',
      '1s',
      '--json',
    ],
    all,
  );
  expect(JSON.parse(load.json)).toMatchObject({ state: 'Completed', records: { succeeded: 10 } });
  process.child.kill('SIGTERM');
  await process.ended;
  expect(process.stderr() + load.said).not.toMatch(/has no TLS/);
}

describe('client certificates', () => {
  it('a worker and a load with the right one', async () => {
    front = await grpcFront(address, {
      tls: { cert: own.cert, key: own.key, ca: clients.cert, requestCert: true, rejectUnauthorized: true },
    });
    await expectLoads({ ...tls(front), ...client('worker') });
    expect(new Set(front.calls.map((call) => call.client))).toEqual(new Set(['night-worker']));
    const paths = front.calls.map((call) => call.path.split('/').at(-1));
    for (const call of ['PollWorkflowTaskQueue', 'StartWorkflowExecution']) expect(paths).toContain(call);
  });

  it('without one, and with another authority’s: refused before a call, with the variables that help', async () => {
    front = await grpcFront(address, {
      tls: { cert: own.cert, key: own.key, ca: clients.cert, requestCert: true, rejectUnauthorized: true },
    });
    const at = tls(front);
    const wanted = /TEMPORAL_CONNECTION_REFUSED: .*TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH/;
    const tries = [
      ran(['list'], at),
      ran(['list'], { ...at, ...client('stranger') }),
      ran(['worker'], { ...at, ...client('stranger') }),
    ];
    for (const { code, said } of await Promise.all(tries)) {
      expect(code).toBe(1);
      expect(said).toMatch(wanted);
    }
    expect(front.calls).toEqual([]);
  });

  it('a server with another name, or of another authority', async () => {
    front = await grpcFront(address, { tls: { cert: own.cert, key: own.key } });
    const { TEMPORAL_TLS_SERVER_NAME: _name, ...unnamed } = tls(front);
    expect((await ran(['list'], unnamed)).said).toMatch(/for another name .*TEMPORAL_TLS_SERVER_NAME/);
    const { TEMPORAL_TLS_SERVER_CA_CERT_PATH: _ca, ...untrusted } = tls(front);
    expect((await ran(['list'], { ...untrusted, TEMPORAL_TLS: 'true' })).said).toMatch(
      /TEMPORAL_TLS_SERVER_CA_CERT_PATH/,
    );
    expect(front.calls).toEqual([]);
  });
});

describe('API keys', () => {
  it('a worker and a load with the key, which no output contains', async () => {
    front = await grpcFront(address, { tls: { cert: own.cert, key: own.key }, apiKey: API_KEY });
    await expectLoads({ ...tls(front), TEMPORAL_API_KEY: API_KEY });
    expect(new Set(front.calls.map(({ key }) => key))).toEqual(new Set([`Bearer ${API_KEY}`]));
  });

  it('none, and a wrong one: refused, without repeating it', async () => {
    front = await grpcFront(address, { tls: { cert: own.cert, key: own.key }, apiKey: API_KEY });
    const at = tls(front);
    const wrong = { ...at, TEMPORAL_API_KEY: 'key-of-somebody-else' };
    for (const { code, said } of await Promise.all([ran(['list'], at), ran(['list'], wrong), ran(['worker'], wrong)])) {
      expect(code).toBe(1);
      expect(said).toMatch(/TEMPORAL_UNAUTHENTICATED: .*TEMPORAL_API_KEY/);
      expect(said).not.toContain('key-of-somebody-else');
    }
    expect(front.calls).toEqual([]);
  });

  it('settings from a profile, certificates in the file itself', async () => {
    front = await grpcFront(address, {
      tls: { cert: own.cert, key: own.key, ca: clients.cert, requestCert: true, rejectUnauthorized: true },
      apiKey: API_KEY,
    });
    const toml = [
      '[profile.night]',
      `address = "${front.address}"`,
      `api_key = "${API_KEY}"`,
      '[profile.night.tls]',
      `server_name = "${NAME}"`,
      `server_ca_cert_data = """${authority.cert}"""`,
      `client_cert_data = """${worker.cert}"""`,
      `client_key_data = """${worker.key}"""`,
    ];
    await writeFile(path('temporal.toml'), toml.join('\n'));
    const { code, said } = await ran(['list'], {
      TEMPORAL_CONFIG_FILE: path('temporal.toml'),
      TEMPORAL_PROFILE: 'night',
    });
    expect([code, said]).toEqual([0, expect.not.stringContaining('no TLS') as string]);
    expect(front.calls.at(-1)).toMatchObject({ client: 'night-worker', key: `Bearer ${API_KEY}` });
  });
});

describe('without TLS', () => {
  // The address of all interfaces: it counts as another machine, but is this one.
  const [, port] = address.split(':');
  const beyond = `0.0.0.0:${port}`;

  it('a command and a worker warn once for another machine', async () => {
    const list = await ran(['list'], { TEMPORAL_ADDRESS: beyond });
    expect(list.code).toBe(0);
    expect(
      list.said.match(/Warning: TEMPORAL_ADDRESS is 0\.0\.0\.0:\d+, another machine, and the connection has no TLS/g),
    ).toHaveLength(1);
    expect(list.json).toBe('');
    const taskQueue = `clear-${randomUUID().slice(0, 8)}`;
    const env = { TEMPORAL_ADDRESS: beyond, NIGHTLOAD_TASK_QUEUE: taskQueue, NIGHTLOAD_FILE_ROOTS: world.folder };
    const process = await startWorkerProcess(env, world.folder);
    expect(process.stderr().match(/has no TLS/g)).toHaveLength(1);
    process.child.kill('SIGTERM');
    await process.ended;
  });

  it('no warning on this machine', async () => {
    for (const at of [address, `localhost:${port}`]) {
      expect((await ran(['list'], { TEMPORAL_ADDRESS: at })).said).not.toContain('Warning');
    }
  });
});

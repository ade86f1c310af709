/** The proxy from the environment applies to both clients of Temporal, but never within this machine. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Connection } from '@temporalio/client';
import { temporalSettings } from '../../../../src/cli/temporal/connect.js';
import { nativeConnection } from '../../../../src/cli/temporal/worker-connection.js';

// The failures of these tests are expected. Read when gRPC is loaded; each test file has its own process.
vi.hoisted(() => {
  process.env['GRPC_VERBOSITY'] = 'NONE';
});

const asked = new Set<string>();
let proxy: Server;

beforeEach(async () => {
  asked.clear();
  proxy = createServer().on('connect', ({ url = '' }, socket) => {
    asked.add(url);
    socket.end('HTTP/1.1 503 No\r\n\r\n');
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  // Set by the settings themselves, restored after the test.
  vi.stubEnv('grpc_proxy', undefined);
  vi.stubEnv('TEMPORAL_ADDRESS', 'temporal.invalid:7233');
  // Without it a warning is printed.
  vi.stubEnv('TEMPORAL_TLS', 'true');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((done) => proxy.close(done));
});

const address = (credentials = ''): string => `http://${credentials}127.0.0.1:${(proxy.address() as AddressInfo).port}`;
const client = (): Promise<unknown> =>
  Connection.connect({ ...temporalSettings().connectionOptions, connectTimeout: 1_000 });

it.each(['HTTPS_PROXY', 'https_proxy'])('%s: a worker uses the proxy', async (name) => {
  vi.stubEnv(name, address('me:p%40ss@'));
  expect(temporalSettings().connectionOptions.proxy).toMatchObject({ basicAuth: { username: 'me', password: 'p@ss' } });
  await expect(nativeConnection(temporalSettings())).rejects.toMatchObject({ code: 'TEMPORAL_NOT_REACHABLE' });
  expect([...asked]).toEqual(['temporal.invalid:7233']);
});

it.each(['HTTPS_PROXY', 'https_proxy'])('%s: a command uses the proxy', async (name) => {
  vi.stubEnv(name, address());
  await expect(client()).rejects.toThrow();
  expect([...asked]).toEqual(['temporal.invalid:7233']);
});

it.each([
  ['a server on this machine', { TEMPORAL_ADDRESS: '127.0.0.1:9' }],
  ['a server of NO_PROXY', { NO_PROXY: 'temporal.invalid' }],
])('%s is reached without the proxy', async (_name, env) => {
  vi.stubEnv('https_proxy', address());
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  expect(temporalSettings().connectionOptions.proxy).toBeUndefined();
  await expect(client()).rejects.toThrow();
  expect([...asked]).toEqual([]);
});

it('refuses a proxy of https://, because Temporal cannot use it', () => {
  vi.stubEnv('HTTPS_PROXY', 'https://proxy.example:3129');
  expect(() => temporalSettings()).toThrow(expect.objectContaining({ code: 'INVALID_PROXY' }));
});

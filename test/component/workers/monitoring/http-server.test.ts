/** The HTTP server of a worker: addresses, and requests that it refuses. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { servePages } from '../../../../src/workers/monitoring/http-server.js';
import { metricsAddress, shownAddress } from '../../../../src/workers/monitoring/metrics-address.js';

it.each([
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
  ['0.0.0.0:9464', { host: '0.0.0.0', port: 9464 }],
  ['[::1]:9464', { host: '::1', port: 9464 }],
  [' localhost:0 ', { host: 'localhost', port: 0 }],
])('reads %s', (value, address) => {
  expect(metricsAddress({ NIGHTLOAD_METRICS_ADDRESS: value })).toEqual(address);
  expect(shownAddress(address)).toBe(value.trim());
});

it('serves nothing by default', () => {
  expect(metricsAddress({})).toBeUndefined();
  expect(metricsAddress({ NIGHTLOAD_METRICS_ADDRESS: ' ' })).toBeUndefined();
});

it.each([
  '9464',
  ':9464',
  '::1:9464',
  '127.0.0.1',
  '127.0.0.1:65536',
  '300.0.0.1:1',
  'http://h:1',
  'h:1/metrics',
  '[x]:1',
  `${'h'.repeat(300)}:1`,
])('refuses %s', (value) => {
  expect(() => metricsAddress({ NIGHTLOAD_METRICS_ADDRESS: value })).toThrow(
    expect.objectContaining({ code: 'METRICS_ADDRESS_INVALID' }) as Error,
  );
});

async function serve(host: string): Promise<number> {
  const server = await servePages(
    { host, port: 0 },
    {
      '/healthz': () => Promise.resolve({ status: 200, text: 'ok\n' }),
      '/broken': () => Promise.reject(new Error('x')),
    },
  );
  onTestFinished(() => server.close());
  return server.address.port;
}

function status(port: number, path: string, options: { method?: string; host?: string } = {}): Promise<number> {
  const { method = 'GET', host = `127.0.0.1:${port}` } = options;
  return new Promise((done, fail) => {
    request({ port, host: '127.0.0.1', path, method, headers: { host } }, (reply) => {
      reply.resume();
      done(reply.statusCode ?? 0);
    })
      .on('error', fail)
      .end();
  });
}

it('answers GET of known paths', async () => {
  const port = await serve('127.0.0.1');
  expect(await status(port, '/healthz')).toBe(200);
  expect(await status(port, '/healthz?x=1')).toBe(200);
  expect(await status(port, '/broken')).toBe(503);
  expect(await status(port, '/other')).toBe(404);
  expect(await status(port, '/constructor')).toBe(404);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
    expect(await status(port, '/healthz', { method })).toBe(405);
  }
});

it('on loopback answers only loopback names; elsewhere the name is the network administrator’s', async () => {
  const local = await serve('127.0.0.1');
  expect(await status(local, '/healthz', { host: 'attacker.example' })).toBe(403);
  expect(await status(local, '/healthz', { host: 'localhost:1' })).toBe(200);
  expect(await status(await serve('0.0.0.0'), '/healthz', { host: 'worker-1.pods:9464' })).toBe(200);
});

it('refuses long headers', async () => {
  const port = await serve('127.0.0.1');
  const answer = await new Promise<string>((done) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    );
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => done(text)).on('error', () => done(text));
  });
  expect(answer).toMatch(/^HTTP\/1.1 431 /);
});

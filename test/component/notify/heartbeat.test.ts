/** Pings of a monitoring service: a real HTTP server that takes, refuses, hangs and is away. */
import { describe, expect, it } from 'vitest';
import type { HeartbeatSignal } from '../../../src/notify/senders/heartbeat.js';
import { pingHeartbeat } from '../../../src/notify/senders/heartbeat.js';
import { freePort } from '../../../src/runtime/free-port.js';
import { Secret } from '../../../src/runtime/secret.js';
import { startOrg } from '../../helpers/salesforce.js';
import { failureOf } from './notes.js';

const TOKEN = '5b0b7c1e-secret-token';

async function requestsOf(path: string): Promise<string[]> {
  const { url, received } = await startOrg((_request, response) => void response.end('OK'));
  for (const kind of ['start', 'success', 'fail'] satisfies HeartbeatSignal[]) {
    await pingHeartbeat(new Secret(`${url}${path}\n`), kind);
  }
  return received.map(({ method, url: asked }) => `${method} ${asked}`);
}

describe('a ping', () => {
  it.each([
    ['/ping/abc', ['GET /ping/abc/start', 'GET /ping/abc', 'GET /ping/abc/fail']],
    ['/ping/abc/', ['GET /ping/abc/start', 'GET /ping/abc/', 'GET /ping/abc/fail']],
    ['/ping?key=a/b&x=1', ['GET /ping/start?key=a/b&x=1', 'GET /ping?key=a/b&x=1', 'GET /ping/fail?key=a/b&x=1']],
    ['', ['GET /start', 'GET /', 'GET /fail']],
  ])('of %j appends the state to the path', async (path, expected) => expect(await requestsOf(path)).toEqual(expected));

  it.each([
    [500, { code: 'NOTIFY_UNAVAILABLE', retryable: true }],
    [429, { code: 'NOTIFY_UNAVAILABLE', retryable: true }],
    [404, { code: 'NOTIFY_REFUSED', retryable: false }],
    [302, { code: 'NOTIFY_REFUSED', retryable: false }],
  ])('that is answered %i', async (status, expected) => {
    const { url, received } = await startOrg((_request, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end(`reply ${TOKEN}`);
    });
    const failure = await failureOf(pingHeartbeat(new Secret(`${url}/${TOKEN}`), 'success'));
    expect(failure).toMatchObject(expected);
    expect(failure.message).not.toContain(TOKEN);
    expect(received).toHaveLength(1);
  });

  it('without an answer ends after its time', async () => {
    const { url } = await startOrg(() => undefined);
    const failure = await failureOf(pingHeartbeat(new Secret(`${url}/${TOKEN}`), 'start', { timeout: 300 }));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true });
    expect(failure.message).toMatch(/^The heartbeat service cannot be reached, or gave no answer: ETIMEDOUT/);
  });

  it('of an endless reply ends after its time, as taken', async () => {
    const { url } = await startOrg((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(pingHeartbeat(new Secret(url), 'start', { timeout: 500 })).resolves.toBeUndefined();
  });

  it('to nobody', async () => {
    const address = `http://127.0.0.1:${await freePort()}/${TOKEN}`;
    const failure = await failureOf(pingHeartbeat(new Secret(address), 'fail'));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true });
    expect(failure.message).toContain('ECONNREFUSED');
    expect(failure.message).not.toContain(TOKEN);
  });

  it('ends with its signal', async () => {
    const { url } = await startOrg(() => undefined);
    const stopped = new Error('the worker stops');
    const ping = pingHeartbeat(new Secret(url), 'start', { signal: AbortSignal.abort(stopped) });
    await expect(ping).rejects.toBe(stopped);
  });
});

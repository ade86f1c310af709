/** Webhook, Slack and Teams against a real HTTP server that takes, refuses, delays and drops. */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { send } from '../../../src/notify/send.js';
import type { Target } from '../../../src/notify/settings.js';
import { FileSecret, Secret } from '../../../src/runtime/secret.js';
import { freePort } from '../../../src/runtime/free-port.js';
import { bodyOf, startOrg } from '../../helpers/salesforce.js';
import { failureOf, MESSAGE, noting } from './notes.js';

const KEY = 'a-long-secret-key';
const REPLY = 'a reply with row values: Jane Doe, 555-1234';

function webhook(url: string): Target {
  return { type: 'webhook', url: new Secret(url), secret: new Secret(KEY) };
}

interface Receiver {
  url: string;
  bodies: string[];
  headers: IncomingMessage['headers'][];
}

async function receiver(
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => response.end('ok'),
): Promise<Receiver> {
  const bodies: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const { url } = await startOrg(async (request, response) => {
    headers.push(request.headers);
    bodies.push(await bodyOf(request));
    answer(response, request);
  });
  return { url: `${url}/hook?token=s3cret`, bodies, headers };
}

describe('a webhook', () => {
  it('gets signed JSON, byte by byte the same at each repetition', async () => {
    const { url, bodies, headers } = await receiver();
    const options = noting();
    await send(webhook(url), MESSAGE, options);
    await send(webhook(url), structuredClone(MESSAGE), options);
    expect(options.notes).toBe(2);
    expect(bodies[1]).toBe(bodies[0]);
    expect(JSON.parse(bodies[0] ?? '')).toEqual(MESSAGE);
    const signature = `sha256=${createHmac('sha256', KEY)
      .update(bodies[0] ?? '')
      .digest('hex')}`;
    expect(headers).toHaveLength(2);
    for (const one of headers) {
      expect(one).toMatchObject({
        'content-type': 'application/json',
        'x-nightload-event': 'failed',
        'x-nightload-delivery': MESSAGE.id,
        'x-nightload-signature': signature,
      });
      expect(one).not.toHaveProperty('x-nightload-test');
    }
  });

  it('can tell a test', async () => {
    const { url, headers } = await receiver();
    await send(webhook(url), MESSAGE, noting({ isTest: true }));
    expect(headers[0]?.['x-nightload-test']).toBe('true');
  });

  it('gets an id that no header may have, written out', async () => {
    const { url, headers } = await receiver();
    await send(webhook(url), { ...MESSAGE, id: 'a b\r\nX-Evil: 1é\ud800' }, noting());
    expect(headers[0]?.['x-nightload-delivery']).toBe('a%20b%0D%0AX-Evil:%201%C3%A9%EF%BF%BD');
    expect(headers[0]).not.toHaveProperty('x-evil');
  });

  it('gets nothing if the caller could not note it', async () => {
    const { url, bodies, headers } = await receiver();
    const trouble = new TypeError('cannot note');
    await expect(send(webhook(url), MESSAGE, { aboutToSend: () => Promise.reject(trouble) })).rejects.toBe(trouble);
    await sleep(50);
    expect([bodies, headers]).toEqual([[], []]);
  });

  it('gets the message only after the note is done, however long that takes', async () => {
    const { url, bodies } = await receiver();
    let before = -1;
    await send(webhook(url), MESSAGE, {
      timeout: 200,
      aboutToSend: async () => {
        await sleep(400);
        before = bodies.length;
      },
    });
    expect([before, bodies.length]).toEqual([0, 1]);
  });
});

describe('a reply', () => {
  it.each<[number, Record<string, string>, object]>([
    [500, {}, { code: 'NOTIFY_UNAVAILABLE', retryable: true, maybeSent: false, retryAfterMs: undefined }],
    [503, { 'retry-after': '120' }, { code: 'NOTIFY_UNAVAILABLE', retryable: true, retryAfterMs: 120_000 }],
    [429, { 'retry-after': '7' }, { code: 'NOTIFY_UNAVAILABLE', retryable: true, retryAfterMs: 7_000 }],
    [429, { 'retry-after': '999999999' }, { code: 'NOTIFY_UNAVAILABLE', retryable: true, retryAfterMs: 3_600_000 }],
    [504, {}, { code: 'NOTIFY_UNAVAILABLE', retryable: true, maybeSent: true }],
    [400, {}, { code: 'NOTIFY_REFUSED', retryable: false, maybeSent: false }],
    [404, {}, { code: 'NOTIFY_REFUSED', retryable: false }],
    [302, { location: 'http://127.0.0.1:1/' }, { code: 'NOTIFY_REFUSED', retryable: false }],
  ])('HTTP %i %j', async (status, headers, expected) => {
    const { url, bodies } = await receiver((response) => response.writeHead(status, headers).end(REPLY));
    const failure = await failureOf(send(webhook(url), MESSAGE, noting()));
    expect(failure).toMatchObject(expected);
    expect(failure.message).toContain(`HTTP ${status}`);
    expect(failure.message).not.toMatch(/Jane|s3cret|127\.0\.0\.1/);
    expect(bodies).toHaveLength(1);
  });

  it('without an end does not delay the message', async () => {
    const { url } = await receiver((response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 5);
      response.on('close', () => clearInterval(timer));
    });
    const begin = Date.now();
    expect(await send(webhook(url), MESSAGE, noting())).toEqual({});
    expect(Date.now() - begin).toBeLessThan(5_000);
  });

  it('of huge headers is a failure', async () => {
    const { url } = await receiver((response) => response.writeHead(200, { 'x-long': 'x'.repeat(40_000) }).end());
    expect(await failureOf(send(webhook(url), MESSAGE, noting()))).toMatchObject({
      code: 'NOTIFY_UNREACHABLE',
      maybeSent: true,
    });
  });
});

describe('no reply', () => {
  it('because nobody listens: certainly not sent, and not noted', async () => {
    const options = noting();
    const failure = await failureOf(send(webhook(`http://127.0.0.1:${await freePort()}/s3cret`), MESSAGE, options));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent: false });
    expect(failure.message).toContain('ECONNREFUSED');
    expect(failure.message).not.toContain('s3cret');
    expect(options.notes).toBe(0);
  });

  it('because the server drops the connection: may have been sent', async () => {
    const { url } = await receiver((response) => response.destroy());
    const options = noting();
    const failure = await failureOf(send(webhook(url), MESSAGE, options));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent: true });
    expect(options.notes).toBe(1);
  });

  it('in time: may have been sent', async () => {
    const { url } = await receiver(() => undefined);
    const failure = await failureOf(send(webhook(url), MESSAGE, noting({ timeout: 150 })));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent: true });
    expect(failure.message).toContain('ETIMEDOUT');
  });

  it('before the caller gives up: its own reason', async () => {
    const { url } = await receiver(() => undefined);
    const caller = new AbortController();
    const reason = new Error('shutdown');
    setTimeout(() => caller.abort(reason), 100);
    await expect(send(webhook(url), MESSAGE, noting({ signal: caller.signal }))).rejects.toBe(reason);
    await expect(send(webhook(url), MESSAGE, noting({ signal: caller.signal }))).rejects.toBe(reason);
  });
});

it.each(['slack', 'teams'] as const)('%s gets a text with the next step', async (type) => {
  const { url, bodies } = await receiver();
  await send({ type, url: new Secret(url) }, MESSAGE, noting({ isTest: false }));
  const text = bodies[0] ?? '';
  expect(text).toContain('nightload results nightly');
  expect(text).toContain('upsert Account failed: LOGIN_UNREACHABLE');
  expect(Object.keys(JSON.parse(text) as object)).toEqual(
    type === 'slack' ? ['text', 'blocks'] : ['type', 'attachments'],
  );
});

it('a secret that has changed is used from the next message on', async () => {
  const { url, bodies, headers } = await receiver();
  let key = 'one';
  const secret = new FileSecret(() => key);
  const target: Target = { type: 'webhook', url: new Secret(url), secret };
  await send(target, MESSAGE, noting());
  key = 'two';
  await send(target, MESSAGE, noting());
  const signed = (by: string): string =>
    `sha256=${createHmac('sha256', by)
      .update(bodies[0] ?? '')
      .digest('hex')}`;
  expect(headers.map((one) => one['x-nightload-signature'])).toEqual([signed('one'), signed('two')]);
});

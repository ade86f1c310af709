/** Messages leave through the proxy of the worker's environment, mail too. */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { send } from '../../../src/notify/send.js';
import { pingHeartbeat } from '../../../src/notify/senders/heartbeat.js';
import { Secret } from '../../../src/runtime/secret.js';
import { startMailServer } from '../../helpers/smtp.js';
import { failureOf, MESSAGE, noting } from './notes.js';

/** A proxy that leads to one port of this machine, or refuses. */
async function startProxy(port: number | undefined): Promise<string[]> {
  const asked: string[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
    socket.on('error', () => undefined);
    if (port === undefined) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const server = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      server.pipe(socket).pipe(server);
    });
    server.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const before = process.env['https_proxy'];
  process.env['https_proxy'] = `http://user:pass@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    if (before === undefined) delete process.env['https_proxy'];
    else process.env['https_proxy'] = before;
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
  return asked;
}

const AUTH = `Basic ${Buffer.from('user:pass').toString('base64')}`;

it('a webhook', async () => {
  const asked = await startProxy(undefined);
  const options = noting();
  const target = { type: 'webhook', url: new Secret('https://ops.acme.invalid/x'), secret: new Secret('k') } as const;
  const failure = await failureOf(send(target, MESSAGE, options));
  expect(asked).toEqual([`ops.acme.invalid:443 ${AUTH}`]);
  expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent: false });
  expect(failure.message).toContain('the proxy answered HTTP 403');
  expect(options.notes).toBe(0);
});

it('a heartbeat', async () => {
  const asked = await startProxy(undefined);
  const failure = await failureOf(pingHeartbeat(new Secret('https://hc.acme.invalid/token'), 'start'));
  expect(asked).toEqual([`hc.acme.invalid:443 ${AUTH}`]);
  expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true });
  expect(failure.message).toContain('the proxy answered HTTP 403');
});

it('a mail', async () => {
  const { port, mails } = await startMailServer();
  const asked = await startProxy(port);
  const mail = {
    type: 'email',
    smtp: new Secret('smtp://mail.acme.invalid'),
    from: 'a@b.example',
    to: ['c@d.example'],
  } as const;
  // The server behind the proxy was reached: it is the one without encryption.
  expect(await failureOf(send(mail, MESSAGE, noting()))).toMatchObject({
    code: 'NOTIFY_TLS_REQUIRED',
    maybeSent: false,
  });
  expect(asked).toEqual([`mail.acme.invalid:587 ${AUTH}`]);
  expect(mails).toEqual([]);
});

it('a mail that the proxy refuses', async () => {
  await startProxy(undefined);
  const mail = {
    type: 'email',
    smtp: new Secret('smtp://mail.acme.invalid'),
    from: 'a@b.example',
    to: ['c@d.example'],
  } as const;
  expect(await failureOf(send(mail, MESSAGE, noting()))).toMatchObject({
    code: 'NOTIFY_UNREACHABLE',
    retryable: true,
    maybeSent: false,
  });
});

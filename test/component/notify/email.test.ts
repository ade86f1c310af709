/** Mail against a real SMTP server that takes, refuses, delays and drops. */
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { send } from '../../../src/notify/send.js';
import type { Target } from '../../../src/notify/settings.js';
import { freePort } from '../../../src/runtime/free-port.js';
import { Secret } from '../../../src/runtime/secret.js';
import { certificate } from '../../helpers/certificate.js';
import { smtpStatus, startMailServer } from '../../helpers/smtp.js';
import { failureOf, MESSAGE, noting } from './notes.js';

function mailTo(smtp: string, to = ['ops@acme.example']): Target {
  return { type: 'email', smtp: new Secret(smtp), from: 'nightload@acme.example', to };
}

/** Answers the commands of a client by hand, to fail where a real server would not. */
async function scriptedServer(answer: (line: string) => string | undefined): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('220 ready\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = `${rest}${chunk.toString()}`.split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const reply = answer(line);
        if (reply === undefined) return void socket.destroy();
        if (reply !== '') socket.write(`${reply}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

describe('a mail', () => {
  it('arrives with a text, HTML, and the same Message-ID each time', async () => {
    const { port, mails } = await startMailServer();
    const options = noting();
    const target = mailTo(`smtp://127.0.0.1:${port}`, ['ops@acme.example', 'night@acme.example']);
    expect(await send(target, MESSAGE, options)).toEqual({});
    await send(target, MESSAGE, options);
    await send(target, { ...MESSAGE, id: 'another' }, options);
    expect(options.notes).toBe(3);
    expect(mails[0]).toMatchObject({ from: 'nightload@acme.example', to: ['ops@acme.example', 'night@acme.example'] });
    const text = mails[0]?.text ?? '';
    expect(text).toContain('Subject: [nightload] nightly');
    expect(text).toContain('Auto-Submitted: auto-generated');
    expect(text).toContain('Date: Mon, 30 Nov 2026 02:14:09 +0000');
    expect(text).toMatch(/Content-Type: text\/plain[^]*nightload results nightly[^]*Content-Type: text\/html/);
    const ids = mails.map((mail) => /^Message-ID:\s+(<nightload-[0-9a-f]{40}@acme\.example>)\r$/m.exec(mail.text)?.[1]);
    expect(ids[0]).toBeDefined();
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('is noted after login, sender and recipients were accepted, and before its first line', async () => {
    const steps: string[] = [];
    const { port, mails } = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        steps.push(`login ${username} ${password}`);
        done(null, { user: username });
      },
      onMailFrom: (_address, _session, done) => (steps.push('from'), done()),
      onRcptTo: (_address, _session, done) => (steps.push('to'), done()),
    });
    await send(mailTo(`smtp://ops%40acme:p%2Fss@127.0.0.1:${port}`), MESSAGE, {
      timeout: 500,
      aboutToSend: async () => {
        await sleep(700);
        steps.push(`note, ${mails.length} mails`);
      },
    });
    expect(steps).toEqual(['login ops@acme p/ss', 'from', 'to', 'note, 0 mails']);
    expect(mails).toHaveLength(1);
  });

  it('is not sent if the caller could not note it', async () => {
    const { port, mails } = await startMailServer();
    const trouble = new TypeError('cannot note');
    const sent = send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, { aboutToSend: () => Promise.reject(trouble) });
    await expect(sent).rejects.toBe(trouble);
    expect(trouble).toEqual(new TypeError('cannot note'));
    await sleep(100);
    expect(mails).toEqual([]);
  });

  it('says how many recipients were refused', async () => {
    const { port, mails } = await startMailServer({
      onRcptTo: ({ address }, _session, done) =>
        address.startsWith('gone') ? done(smtpStatus(550, 'no such user Jane Doe')) : done(),
    });
    const target = mailTo(`smtp://127.0.0.1:${port}`, ['gone@acme.example', 'ops@acme.example']);
    expect(await send(target, MESSAGE, noting())).toEqual({
      warning: 'The mail server refused 1 of 2 recipients. Check their addresses.',
    });
    expect(mails.map(({ to }) => to)).toEqual([['ops@acme.example']]);
  });
});

describe('a refusal', () => {
  it.each<[string, number, object]>([
    ['onConnect', 421, { code: 'NOTIFY_UNAVAILABLE', retryable: true }],
    ['onMailFrom', 421, { code: 'NOTIFY_UNAVAILABLE', retryable: true }],
    ['onMailFrom', 550, { code: 'NOTIFY_REFUSED', retryable: false }],
    ['onRcptTo', 450, { code: 'NOTIFY_UNAVAILABLE', retryable: true }],
    ['onRcptTo', 550, { code: 'NOTIFY_REFUSED', retryable: false }],
  ])('%s %i: not sent, not noted', async (step, status, expected) => {
    const refuse = (...args: unknown[]): void =>
      (args.at(-1) as (error: Error) => void)(smtpStatus(status, 'Jane Doe'));
    const { port, mails } = await startMailServer({ [step]: refuse });
    const options = noting();
    const failure = await failureOf(send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, options));
    expect(failure).toMatchObject({ ...expected, maybeSent: false });
    expect(failure.message).toContain(String(status));
    expect(failure.message).not.toContain('Jane');
    expect([options.notes, mails.length]).toEqual([0, 0]);
  });

  it.each([
    [452, true],
    [554, false],
  ])('of the mail itself, %i', async (status, retryable) => {
    const { port } = await startMailServer({
      onData: (stream, _session, done) => {
        stream.on('data', () => undefined);
        stream.on('end', () => done(smtpStatus(status)));
      },
    });
    const failure = await failureOf(send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, noting()));
    expect(failure).toMatchObject({ retryable, maybeSent: false });
  });

  it.each([
    [535, false],
    [454, true],
  ])('of the login, %i', async (status, retryable) => {
    const { port } = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(smtpStatus(status)),
    });
    const failure = await failureOf(send(mailTo(`smtp://u:hunter2@127.0.0.1:${port}`), MESSAGE, noting()));
    expect(failure).toMatchObject({ code: 'NOTIFY_LOGIN_REFUSED', retryable, maybeSent: false });
    expect(failure.message).not.toContain('hunter2');
  });
});

describe('a broken conversation', () => {
  it('nobody listens: certainly not sent', async () => {
    const options = noting();
    const failure = await failureOf(send(mailTo(`smtp://127.0.0.1:${await freePort()}`), MESSAGE, options));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent: false });
    expect(failure.message).toContain('ECONNREFUSED');
    expect(options.notes).toBe(0);
  });

  it.each<[string, string, boolean]>([
    ['after the greeting', 'EHLO', false],
    ['at the sender', 'MAIL', false],
    ['at DATA', 'DATA', false],
    ['after the last line', '.', true],
  ])('dropped %s', async (_name, at, maybeSent) => {
    const port = await scriptedServer((line) => {
      if (line === '.' ? at === '.' : line.startsWith(at) && at !== '.') return undefined;
      if (line.startsWith('DATA')) return '354 go on';
      return /^(?:EHLO|MAIL|RCPT)/.test(line) ? '250 ok' : '';
    });
    const options = noting();
    const failure = await failureOf(send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, options));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent });
    expect(options.notes).toBe(maybeSent ? 1 : 0);
  });

  it('no answer in time', async () => {
    const port = await scriptedServer((line) => (line.startsWith('EHLO') ? '250 ok' : ''));
    const failure = await failureOf(send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, noting({ timeout: 300 })));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retryable: true, maybeSent: false });
    expect(failure.message).toContain('ETIMEDOUT');
  });

  it('an endless reply', async () => {
    const port = await scriptedServer((line) => (line.startsWith('EHLO') ? `250-${'x'.repeat(200_000)}` : ''));
    const failure = await failureOf(send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, noting()));
    expect(failure).toMatchObject({ retryable: true, maybeSent: false });
  });

  it('the caller gives up', async () => {
    const port = await scriptedServer((line) => (line.startsWith('EHLO') ? '250 ok' : ''));
    const caller = new AbortController();
    const reason = new Error('shutdown');
    setTimeout(() => caller.abort(reason), 100);
    await expect(send(mailTo(`smtp://127.0.0.1:${port}`), MESSAGE, noting({ signal: caller.signal }))).rejects.toBe(
      reason,
    );
  });
});

describe('encryption', () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  it.skipIf(outside === undefined)('is required beyond this machine, before a password is sent', async () => {
    const host = outside as string;
    const logins: string[] = [];
    const { port, mails } = await startMailServer(
      {
        allowInsecureAuth: true,
        onAuth: ({ username }, _session, done) => {
          logins.push(String(username));
          done(null, { user: username });
        },
      },
      host,
    );
    const failure = await failureOf(send(mailTo(`smtp://u:p@${host}:${port}`), MESSAGE, noting()));
    expect(failure).toMatchObject({ code: 'NOTIFY_TLS_REQUIRED', retryable: false, maybeSent: false });
    expect([logins, mails]).toEqual([[], []]);
  });

  it('by a certificate that nobody vouches for is none', async () => {
    const { cert, key } = certificate('mail', { names: ['127.0.0.1'] });
    const { port, mails } = await startMailServer({ secure: true, cert, key });
    const failure = await failureOf(send(mailTo(`smtps://127.0.0.1:${port}`), MESSAGE, noting()));
    expect(failure).toMatchObject({ code: 'NOTIFY_UNREACHABLE', maybeSent: false });
    expect(failure.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(mails).toEqual([]);
  });
});

/** The codec server over real HTTP: it decrypts only for the configured page. */
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { codecKeysFrom } from '../../../src/codec/codec-keys.js';
import type { CodecKeys } from '../../../src/codec/codec-keys.js';
import { startCodecServer } from '../../../src/codec/codec-server.js';
import type { CodecServer, CodecServerOptions } from '../../../src/codec/codec-server.js';
import { EncryptionCodec } from '../../../src/codec/encryption-codec.js';
import { keyRing } from '../../helpers/codec-keys.js';

const ring = keyRing();
const UI = 'http://127.0.0.1:8233';
const TOKEN = 'a-token-of-enough-letters';
const keys = codecKeysFrom(ring('k2', 'k1').env) as CodecKeys;
const sealer = new EncryptionCodec(keys);
const opened: CodecServer[] = [];

async function open(options: Partial<CodecServerOptions> = {}): Promise<CodecServer> {
  const server = await startCodecServer({ keys, allowOrigin: UI, ...options });
  opened.push(server);
  return server;
}

let server: CodecServer;
beforeAll(async () => {
  server = await open();
});
afterEach(async () => {
  for (const extra of opened.splice(1)) await extra.close();
});
afterAll(() => server.close());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

function ask(
  url: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((done, fail) => {
    const asked = request(url, { method, headers: { 'content-type': 'application/json', ...headers } }, (reply) => {
      let text = '';
      reply.on('data', (chunk: Buffer) => (text += chunk.toString()));
      reply.on('end', () => done({ status: reply.statusCode ?? 0, headers: reply.headers, text }));
    });
    asked.on('error', fail);
    asked.end(body);
  });
}

/** Sends a head without a body, and waits for the server's reply and the end of the connection. */
function statusOfUnfinished({ url }: CodecServer, header: string): Promise<number> {
  const { port } = new URL(url);
  return new Promise((done, fail) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(
        `POST /decode HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${header}Content-Length: 1000\r\n\r\n{`,
      );
    });
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', fail);
    socket.on('close', () => done(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
  });
}

const base64 = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
const asJson = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, bytes]) => [key, base64(bytes)])),
  data: base64(data),
});
const plain = (value: unknown): Payload => defaultPayloadConverter.toPayload(value) as Payload;
const sealed = (value: unknown): ReturnType<typeof asJson> => asJson(sealer.encrypt(plain(value)));
const bodyOf = (...payloads: unknown[]): string => JSON.stringify({ payloads });
const valuesIn = ({ text }: Answer): string[] =>
  (JSON.parse(text) as { payloads: { data: string }[] }).payloads.map(({ data }) =>
    Buffer.from(data, 'base64').toString(),
  );

describe('decoding', () => {
  it('decrypts for the UI, with the requests of its browser', async () => {
    const headers = { origin: UI, 'x-namespace': 'default' };
    const preflight = await ask(`${server.url}/decode`, {
      method: 'OPTIONS',
      headers: {
        origin: UI,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-namespace,authorization',
        'access-control-request-private-network': 'true',
      },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': UI,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': expect.stringContaining('POST') as string,
        'access-control-allow-headers': expect.stringMatching(/Content-Type.*X-Namespace.*Authorization/) as string,
        'access-control-allow-private-network': 'true',
        vary: 'Origin',
      },
    });
    const answer = await ask(`${server.url}/decode`, { headers, body: bodyOf(sealed('one'), sealed({ two: 2 })) });
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'access-control-allow-origin': UI,
        'access-control-allow-credentials': 'true',
        'cache-control': 'no-store',
      },
    });
    expect(valuesIn(answer)).toEqual(['"one"', '{"two":2}']);
  });

  it('serves commands, which send no origin, and namespaces in the path', async () => {
    expect(valuesIn(await ask(`${server.url}/default/decode`, { body: bodyOf(sealed('x')) }))).toEqual(['"x"']);
    expect(valuesIn(await ask(`${server.url}/decode`, { body: '{}' }))).toEqual([]);
  });

  it('returns unreadable payloads unchanged, next to decrypted ones', async () => {
    const foreign = asJson(new EncryptionCodec(codecKeysFrom(ring('k9').env)).encrypt(plain('hidden')));
    const answer = await ask(`${server.url}/decode`, { body: bodyOf(foreign, asJson(plain('open')), sealed('x')) });
    expect(JSON.parse(answer.text)).toMatchObject({ payloads: [foreign, asJson(plain('open')), { metadata: {} }] });
    expect(valuesIn(answer).slice(1)).toEqual(['"open"', '"x"']);
  });

  it('encodes only if configured', async () => {
    const body = bodyOf(asJson(plain('secret')));
    expect(await ask(`${server.url}/encode`, { body })).toMatchObject({ status: 404 });
    const both = await open({ encode: true });
    const encoded = await ask(`${both.url}/encode`, { body });
    expect(encoded.text).not.toContain(base64(plain('secret').data));
    expect(valuesIn(await ask(`${server.url}/decode`, { body: encoded.text }))).toEqual(['"secret"']);
  });
});

describe('attacks', () => {
  const body = (): string => bodyOf(sealed('secret'));
  const refused = async (status: number, url: string, asked: Parameters<typeof ask>[1]): Promise<void> => {
    const answer = await ask(url, asked);
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.text).not.toContain(base64(Buffer.from('"secret"')));
  };

  it('another page, even one that looks like the UI, its own frame, and a page from a file', async () => {
    const origins = [
      'http://evil.example',
      'http://127.0.0.1:8233.evil.example',
      'http://127.0.0.1:82333',
      'https://127.0.0.1:8233',
      'http://localhost:8233',
      'null',
      '',
    ];
    for (const origin of origins.filter((one) => one !== '')) {
      await refused(403, `${server.url}/decode`, { headers: { origin }, body: body() });
      await refused(403, `${server.url}/decode`, { method: 'OPTIONS', headers: { origin } });
    }
  });

  it('another name that points to this machine', async () => {
    await refused(421, `${server.url}/decode`, {
      headers: { host: `evil.example:${new URL(server.url).port}` },
      body: body(),
    });
    await refused(421, `${server.url}/decode`, { headers: { host: '127.0.0.1' }, body: body() });
    const named = await open({ names: ['codec.acme.example'] });
    expect(await ask(`${named.url}/decode`, { headers: { host: 'Codec.acme.example' }, body: body() })).toMatchObject({
      status: 200,
    });
  });

  it('a form, another method, another path', async () => {
    await refused(415, `${server.url}/decode`, { headers: { 'content-type': 'text/plain' }, body: body() });
    await refused(405, `${server.url}/decode`, { method: 'GET' });
    for (const path of ['/', '/a/b/decode', '//decode', '/decode/x'])
      await refused(404, `${server.url}${path}`, { body: body() });
  });

  it('bodies that are not payloads, or too large, or endless', async () => {
    const hostile = [
      '',
      '[',
      '[]',
      '{"payloads": {}}',
      '{"payloads": [1]}',
      bodyOf({ data: '<script>' }),
      bodyOf({ metadata: { encoding: 1 } }),
      bodyOf(...Array.from({ length: 2_001 }, () => ({}))),
    ];
    for (const text of hostile) expect((await ask(`${server.url}/decode`, { body: text })).status).toBe(400);
    const answer = await ask(`${server.url}/decode`, { body: 'x'.repeat(8_000_001) }).catch(() => ({ status: 413 }));
    expect(answer.status).toBe(413);
    // Without a length: cut off as soon as it is too large.
    const { port } = new URL(server.url);
    const sent = await new Promise<number>((done) => {
      let bytes = 0;
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(
          `POST /decode HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
        );
        const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
        const pump = (error?: Error | null): void => {
          if (error != null || socket.destroyed || bytes > 200_000_000) return;
          bytes += chunk.length;
          socket.write(chunk, pump);
        };
        pump();
      });
      socket.on('error', () => undefined);
      socket.resume();
      socket.on('close', () => done(bytes));
    });
    expect(sent).toBeLessThan(150_000_000);
    expect(valuesIn(await ask(`${server.url}/decode`, { body: body() }))).toEqual(['"secret"']);
  });

  it('no token, or a wrong one', async () => {
    const guarded = await open({ token: TOKEN });
    const url = `${guarded.url}/decode`;
    for (const authorization of ['', TOKEN, `Bearer ${TOKEN}x`, `Basic ${TOKEN}`]) {
      await refused(401, url, { headers: { ...(authorization !== '' && { authorization }) }, body: body() });
    }
    expect(await ask(url, { headers: { authorization: `Bearer ${TOKEN}` }, body: body() })).toMatchObject({
      status: 200,
    });
  });

  describe('on a server with a token', () => {
    const right = { authorization: `Bearer ${TOKEN}` };
    let guarded: CodecServer;
    beforeEach(async () => {
      guarded = await open({ token: TOKEN, encode: true });
    });
    const url = (path = 'decode'): string => `${guarded.url}/${path}`;

    it.each<[string, string, Record<string, string>]>([
      ['no token', 'decode', {}],
      ['an empty one', 'decode', { authorization: 'Bearer ' }],
      ['another one', 'decode', { authorization: `Bearer ${'x'.repeat(TOKEN.length)}` }],
      ['the beginning of it', 'decode', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
      ['it in other letters', 'decode', { authorization: `Bearer ${TOKEN.toUpperCase()}` }],
      ['it twice', 'decode', { authorization: `Bearer ${TOKEN}, Bearer ${TOKEN}` }],
      ['one of 10,000 letters', 'decode', { authorization: `Bearer ${'x'.repeat(10_000)}` }],
      ['it in the query', `decode?token=${TOKEN}&access_token=${TOKEN}`, {}],
      ['it in the path', `${TOKEN}/decode`, {}],
      ['it in other headers', 'decode', { 'x-authorization': `Bearer ${TOKEN}`, cookie: `token=${TOKEN}` }],
      ['it in a page, which has none', 'decode', { origin: UI }],
      ['none, to encrypt', 'encode', {}],
    ])('%s', async (_what, path, headers) => {
      const answer = await ask(url(path), { headers, body: body() });
      expect(answer.status).toBe(401);
      expect(answer.text).not.toContain(TOKEN);
      expect(answer.text).not.toContain(base64(Buffer.from('"secret"')));
    });

    it('the token gives no access to another page, or under another name', async () => {
      await refused(403, url(), { headers: { ...right, origin: 'http://evil.example' }, body: body() });
      await refused(403, url(), { headers: { ...right, origin: 'null' }, body: body() });
      await refused(421, url(), { headers: { ...right, host: 'evil.example' }, body: body() });
      await refused(404, url('token'), { headers: right, body: body() });
      expect(await ask(url(), { headers: { ...right, origin: UI }, body: body() })).toMatchObject({ status: 200 });
    });

    it('a page may send a preflight request without a token, and learns nothing else', async () => {
      const answer = await ask(url(), { method: 'OPTIONS', headers: { origin: UI }, body: body() });
      expect(answer).toMatchObject({ status: 204, text: '' });
    });

    it('nothing of a body is read before the token, however large or slow it is', async () => {
      const large = await ask(url(), { headers: { 'content-length': '8000001' }, body: '' }).catch(() => undefined);
      expect(large?.status).toBe(401);
      expect(await statusOfUnfinished(guarded, '')).toBe(401);
      expect(await statusOfUnfinished(guarded, 'authorization: Bearer wrong\r\n')).toBe(401);
    });

    it('invalid payloads, with the token', async () => {
      for (const text of [
        '',
        '{',
        'null',
        '"x"',
        '{"payloads":1}',
        '{"payloads":[{"data":{}}]}',
        `${'['.repeat(100_000)}`,
      ]) {
        const answer = await ask(url(), { headers: right, body: text });
        expect([text.slice(0, 30), answer.status]).toEqual([text.slice(0, 30), 400]);
      }
      const polluting =
        '{"__proto__":{"polluted":1},"payloads":[{"metadata":{"__proto__":"eA==","encoding":"eA=="},"data":"eA=="}]}';
      expect((await ask(url(), { headers: right, body: polluting })).status).toBeLessThan(500);
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
      const cut = { metadata: { ...sealed('secret').metadata }, data: sealed('secret').data.slice(0, 20) };
      const answer = await ask(url(), { headers: right, body: bodyOf(cut, sealed('x')) });
      expect(answer.status).toBe(200);
      expect(valuesIn(answer)[1]).toBe('"x"');
    });
  });

  it('does not listen beyond this machine for everyone', async () => {
    const open0 = (more: Partial<CodecServerOptions>) => open({ host: '0.0.0.0', ...more });
    await expect(open0({})).rejects.toMatchObject({
      code: 'USAGE',
      message: /NIGHTLOAD_CODEC_SERVER_TOKEN/ as unknown,
    });
    await expect(open0({ token: 'short' })).rejects.toMatchObject({ code: 'USAGE' });
    const guarded = await open0({ token: TOKEN, names: ['codec.example'] });
    const { port } = new URL(guarded.url);
    await refused(421, `http://127.0.0.1:${port}/decode`, { body: body() });
    await refused(401, `http://127.0.0.1:${port}/decode`, { headers: { host: 'codec.example' }, body: body() });
    await expect(open0({ withoutToken: true })).resolves.toBeDefined();
  });

  it('accepts one page only for the UI', async () => {
    for (const allowOrigin of [
      '*',
      'null',
      'localhost:8233',
      'http://127.0.0.1:8233/path',
      'file:///x',
      'http://a?b',
    ]) {
      await expect(open({ allowOrigin })).rejects.toMatchObject({ code: 'USAGE' });
    }
    const slash = await open({ allowOrigin: `${UI}/` });
    expect(await ask(`${slash.url}/decode`, { headers: { origin: UI }, body: body() })).toMatchObject({ status: 200 });
  });
});

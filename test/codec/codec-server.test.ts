/** The codec server over real HTTP: it decrypts for the one page that is named, and for nobody else. */
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { codecKeysFrom } from '../../src/codec/codec-keys.js';
import type { CodecKeys } from '../../src/codec/codec-keys.js';
import { startCodecServer } from '../../src/codec/codec-server.js';
import type { CodecServer, CodecServerOptions } from '../../src/codec/codec-server.js';
import { EncryptionCodec } from '../../src/codec/encryption-codec.js';
import { keyRing } from '../support/codec-keys.js';

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
  it('decrypts for the UI, as its browser asks', async () => {
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

  it('answers commands, which have no origin, and namespaces in the path', async () => {
    expect(valuesIn(await ask(`${server.url}/default/decode`, { body: bodyOf(sealed('x')) }))).toEqual(['"x"']);
    expect(valuesIn(await ask(`${server.url}/decode`, { body: '{}' }))).toEqual([]);
  });

  it('leaves what it cannot read as it is, beside what it can', async () => {
    const foreign = asJson(new EncryptionCodec(codecKeysFrom(ring('k9').env)).encrypt(plain('hidden')));
    const answer = await ask(`${server.url}/decode`, { body: bodyOf(foreign, asJson(plain('open')), sealed('x')) });
    expect(JSON.parse(answer.text)).toMatchObject({ payloads: [foreign, asJson(plain('open')), { metadata: {} }] });
    expect(valuesIn(answer).slice(1)).toEqual(['"open"', '"x"']);
  });

  it('encodes only where it was told to', async () => {
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

  it('another page, also one that looks like the UI, its own frame, and a page of a file', async () => {
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

  it('a name that was turned to this machine', async () => {
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

  it('bodies that are no payloads, or too large, or never end', async () => {
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
    // Without a length: cut off as soon as it is too much.
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

  it('who has no token, or another one', async () => {
    const guarded = await open({ token: TOKEN });
    const url = `${guarded.url}/decode`;
    for (const authorization of ['', TOKEN, `Bearer ${TOKEN}x`, `Basic ${TOKEN}`]) {
      await refused(401, url, { headers: { ...(authorization !== '' && { authorization }) }, body: body() });
    }
    expect(await ask(url, { headers: { authorization: `Bearer ${TOKEN}` }, body: body() })).toMatchObject({
      status: 200,
    });
  });

  it('does not listen beyond this machine for everybody', async () => {
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

  it('takes one page only for the UI', async () => {
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

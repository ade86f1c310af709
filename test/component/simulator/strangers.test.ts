/** What a web page can send to this machine, or make it store: refused before any other check. */
import { request as httpRequest } from 'node:http';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { BASE, INGEST, openOrg, refusal } from '../../helpers/simulator.js';
import type { TestOrg } from '../../helpers/simulator.js';

/** `fetch` writes Host itself. */
function status(org: TestOrg, headers: Record<string, string>, path = '/services/data'): Promise<number> {
  return new Promise((done, fail) => {
    const request = httpRequest(org.url + path, { headers }, (response) => done(response.resume().statusCode ?? 0));
    request.on('error', fail).end();
  });
}

it('[host] responds under loopback names with its own port, not under a name that was made to point here', async () => {
  const org = await openOrg({ hosts: ['front.example'] });
  const { port } = new URL(org.url);
  for (const host of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `LOCALHOST:${port}`,
    `[::1]:${port}`,
    'front.example',
  ]) {
    expect(await status(org, { host }), host).toBe(200);
  }
  const strangers = [
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    `localhost.evil.example:${port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `127.0.0.2:${port}`,
    `user@127.0.0.1:${port}`,
    'front.example:1',
  ];
  for (const host of strangers) expect(await status(org, { host }), host).toBe(403);
  // Not even the control API, with its key.
  const key = { 'x-simulator-key': org.controlKey, host: `evil.example:${port}` };
  expect(await status(org, key, '/__simulator/ledger')).toBe(403);
  expect(org.ledger.count()).toBe(5);
});

it('[origin] serves programs and its own pages, not pages of other sites', async () => {
  const org = await openOrg();
  for (const headers of [{ origin: org.url }, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }]) {
    expect(await status(org, headers as Record<string, string>)).toBe(200);
  }
  const { port } = new URL(org.url);
  for (const origin of ['https://evil.example', 'null', `https://127.0.0.1:${port}`, 'http://127.0.0.1', `file://`]) {
    expect(await status(org, { origin }), origin).toBe(403);
  }
  for (const site of ['cross-site', 'same-site']) expect(await status(org, { 'sec-fetch-site': site })).toBe(403);
  const login = await org.ask('POST', '/services/oauth2/token', 'grant_type=client_credentials', {
    origin: 'https://evil.example',
    'content-type': 'application/x-www-form-urlencoded',
  });
  expect(refusal(login).slice(0, 2)).toEqual([403, 'FORBIDDEN_ORIGIN']);
  expect(login.headers.has('access-control-allow-origin')).toBe(false);
});

it('[body-limit] reads at most 1 MB of a body that it keeps in memory', async () => {
  const org = await openOrg();
  const big = JSON.stringify({ object: 'x'.repeat(1_000_000) });
  for (const [path, headers] of [
    [INGEST, {}],
    ['/services/oauth2/token', {}],
    ['/__simulator/seed', { 'x-simulator-key': org.controlKey, 'content-type': 'application/json' }],
  ] as const) {
    expect((await org.ask('POST', path, big, headers)).status, path).toBe(413);
  }
  expect((await org.ask('GET', `${BASE}/limits`)).status).toBe(200);
});

it('[upload-kept] stores no more of an upload than the limit, unpacked or not', async () => {
  const org = await openOrg({ maxUploadBytes: 1000, quirks: { gzipUpload: 'unpack' } });
  const bomb = gzipSync(Buffer.alloc(10_000_000, 'a'));
  let most = 0;
  await org.create();
  const watching = setInterval(() => void kept(org).then((size) => (most = Math.max(most, size))), 2);
  const answers: unknown[] = [];
  for (const [body, encoding] of [
    [bomb, 'gzip'],
    [Buffer.alloc(4_000_000, 'a'), 'identity'],
  ] as const) {
    const reply = await fetch(`${org.url}${INGEST}/${await org.create()}/batches`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${org.token}`, 'content-type': 'text/csv', 'content-encoding': encoding },
      body,
    });
    answers.push([reply.status, (await reply.text()).includes('larger than 1000 bytes')]);
  }
  clearInterval(watching);
  expect(answers).toEqual([
    [400, true],
    [400, true],
  ]);
  expect(most).toBeLessThanOrEqual(1001);
});

/** Bytes in the org's folder. */
async function kept(org: TestOrg): Promise<number> {
  const folder = dirname(org.jobs()[0]?.path ?? '');
  let size = 0;
  for (const file of await readdir(folder))
    size += await stat(join(folder, file)).then(
      (one) => one.size,
      () => 0,
    );
  return size;
}

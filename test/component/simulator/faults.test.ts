/** Faults on demand: one line in a test, one kind of trouble on the wire. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { asFault } from '../../../src/simulator/index.js';
import { BASE, INGEST, openOrg, refusal } from '../../helpers/simulator.js';
import type { TestOrg } from '../../helpers/simulator.js';

const limits = `${BASE}/limits`;
const get = (org: TestOrg, path = limits): Promise<number | string> =>
  org.ask('GET', path).then(
    ({ status }) => status,
    () => 'broken',
  );

/** Everything received on a connection until it ends, or until nothing arrives for a while. */
function raw(org: TestOrg, path: string): Promise<{ head: string; body: string; ended: boolean }> {
  return new Promise((done) => {
    const { hostname, port } = new URL(org.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    const finish = (ended: boolean): void => {
      socket.destroy();
      const [head = '', ...body] = text.split('\r\n\r\n');
      done({ head: head.toLowerCase(), body: body.join('\r\n\r\n'), ended });
    };
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => finish(true));
    socket.on('error', () => undefined);
    socket.setTimeout(500, () => finish(false));
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${org.token}\r\n\r\n`);
  });
}

it('[fault-reply] replies with a status and any body, without doing anything', async () => {
  const org = await openOrg();
  org.fault({ kind: 'create', action: { status: 503, errorCode: 'SERVER_UNAVAILABLE', message: 'later' } });
  org.fault({ kind: 'create', action: { status: 502, html: '<html>Bad Gateway</html>' } });
  org.fault({ kind: 'create', action: { status: 500 } });
  org.fault({ kind: 'create', action: { status: 429, json: { slow: 'down' }, headers: { 'retry-after': '7' } } });
  const create = (): Promise<Awaited<ReturnType<TestOrg['ask']>>> =>
    org.ask('POST', INGEST, { object: 'Account', operation: 'insert' });
  expect(refusal(await create())).toEqual([503, 'SERVER_UNAVAILABLE', 'later']);
  const html = await create();
  expect([html.status, html.text]).toEqual([502, '<html>Bad Gateway</html>']);
  const empty = await create();
  expect([empty.status, empty.text]).toEqual([500, '']);
  const json = await create();
  expect([json.status, json.json, json.headers.get('retry-after')]).toEqual([429, { slow: 'down' }, '7']);
  expect(org.jobs()).toEqual([]);
  expect((await create()).status).toBe(200);
});

it('[fault-count] lets requests pass first and affects the given number', async () => {
  const org = await openOrg();
  org.fault({ kind: 'limits', after: 1, times: 2, action: { status: 500 } });
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push(await get(org));
  expect(seen).toEqual([200, 500, 500, 200]);
  org.fault({ kind: 'limits', times: 5, action: 'reset' });
  org.clearFaults();
  expect(await get(org)).toBe(200);
});

it('[fault-path] affects only requests with a certain path', async () => {
  const org = await openOrg();
  const { id } = await org.load('Name\nA\n');
  org.fault({ kind: 'results', path: 'failedResults', action: { status: 500 } });
  expect(await get(org, `${INGEST}/${id}/successfulResults`)).toBe(200);
  expect(await get(org, `${INGEST}/${id}/failedResults`)).toBe(500);
});

it('[fault-reset] ends the connection before anything is done', async () => {
  const org = await openOrg();
  org.fault({ kind: 'create', action: 'reset' });
  await expect(org.create()).rejects.toThrow();
  expect(org.jobs()).toEqual([]);
  expect(org.ledger.requests.at(-1)).toMatchObject({ kind: 'create', status: 0 });
});

it('[fault-lost-reply] carries out the request and loses the reply', async () => {
  const org = await openOrg();
  org.fault({ kind: 'create', action: 'resetAfterApply' });
  await expect(org.create()).rejects.toThrow();
  expect(org.jobs()).toHaveLength(1);
});

it.each([
  ['length', /content-length: \d+/],
  ['chunked', /transfer-encoding: chunked/],
] as const)('[fault-cut] ends the connection in the middle of a body with framing %s', async (framing, header) => {
  const org = await openOrg();
  org.fault({ kind: 'limits', action: { cutReply: 20, framing } });
  const { head, body, ended } = await raw(org, limits);
  expect(head).toMatch(header);
  expect([body.includes('{"DailyApiRequests"'), body.includes('}}'), ended]).toEqual([true, false, true]);
  org.fault({ kind: 'limits', action: { cutReply: 0.5, framing } });
  expect(await get(org)).toBe('broken');
});

it('[fault-cut] looks like a complete reply if no length is sent', async () => {
  const org = await openOrg();
  const { id } = await org.load('Name\nA\nB\nC\n');
  const path = `${INGEST}/${id}/successfulResults`;
  const whole = (await org.ask('GET', path)).text;
  org.fault({ kind: 'results', action: { cutReply: 0.5, framing: 'close' } });
  const { status, text } = await org.ask('GET', path);
  expect([status, text]).toEqual([200, whole.slice(0, Math.floor(whole.length / 2))]);
});

it('[fault-stall] never replies, or stops halfway', async () => {
  const org = await openOrg();
  org.fault({ kind: 'limits', action: 'hang' });
  expect(await raw(org, limits)).toEqual({ head: '', body: '', ended: false });
  org.fault({ kind: 'limits', action: { stallReply: 20 } });
  const { head, body, ended } = await raw(org, limits);
  expect([head.startsWith('http/1.1 200'), body.length, ended]).toEqual([true, 20, false]);
});

it('[fault-delay] answers later what was done at once', async () => {
  const org = await openOrg();
  org.fault({ kind: 'create', action: { delayReply: 300 } });
  const startedAt = performance.now();
  const asked = org.ask('POST', '/services/data/v66.0/jobs/ingest', { object: 'Account', operation: 'insert' });
  await expect.poll(() => org.jobs().length, { interval: 10 }).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(300);
  expect((await asked).status).toBe(200);
  expect(performance.now() - startedAt).toBeGreaterThan(290);
});

it('[fault-truncated] sends half of the JSON as if it were complete', async () => {
  const org = await openOrg();
  org.fault({ kind: 'limits', action: 'truncateJson' });
  const { head, body } = await raw(org, limits);
  expect(head).toContain(`content-length: ${body.length}`);
  expect(() => JSON.parse(body) as unknown).toThrow();
});

it.each([
  ['bytes', 300_000],
  ['a share of the whole', 0.3],
])('[fault-reset-upload] ends the connection after part of an upload was read: %s', async (_what, size) => {
  const org = await openOrg();
  const id = await org.create();
  org.fault({ kind: 'upload', action: { resetUpload: size } });
  const sent = await new Promise<number | string>((done) => {
    const request = httpRequest(`${org.url}${INGEST}/${id}/batches`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${org.token}`, 'content-length': '1000000' },
    });
    request.on('response', ({ statusCode }) => done(statusCode ?? 0)).on('error', () => done('broken'));
    request.end(Buffer.alloc(1_000_000, 'x'));
  });
  expect(sent).toBe('broken');
  expect((await org.ask('GET', `${INGEST}/${id}`)).json).not.toHaveProperty('numberRecordsProcessed');
  expect(org.jobs()[0]?.uploads).toBe(0);
});

it('[fault-dead-token] refuses a token from then on, until there is another', async () => {
  const org = await openOrg();
  org.fault({ kind: 'info', action: 'deadToken' });
  expect(await get(org)).toBe(200);
  const id = await org.create();
  const dead = await org.ask('GET', `${INGEST}/${id}`);
  expect(refusal(dead)).toEqual([401, 'INVALID_SESSION_ID', 'Session expired or invalid']);
  expect(await get(org)).toBe(401);
  const form = 'grant_type=client_credentials&client_id=nightload-client&client_secret=nightload-secret';
  const { json } = await org.ask('POST', '/services/oauth2/token', form, { authorization: '' });
  const authorization = `Bearer ${String(json['access_token'])}`;
  expect((await org.ask('GET', `${INGEST}/${id}`, undefined, { authorization })).status).toBe(200);
});

it('[fault-checked] reports errors in a fault that came as JSON', () => {
  expect(() => asFault({ kind: 'crate', action: 'reset' })).toThrow(/unknown kind of request.*crate/);
  expect(() => asFault({ kind: 'create', action: 'explode' })).toThrow(/unknown action.*explode/);
  expect(() => asFault([])).toThrow();
  const fault = { kind: 'upload', times: 2, action: { resetUpload: 0.5 } };
  expect(asFault(fault)).toBe(fault);
});

/** Properties of every request: paths, methods, ids, errors, sessions, headers. */
import { request as httpRequest } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { BASE, INGEST, openOrg, refusal } from '../../helpers/simulator.js';

it('[path-forms] accepts double and trailing slashes', async () => {
  const org = await openOrg();
  expect((await org.ask('GET', '//services/data')).status).toBe(200);
  expect((await org.ask('POST', `${INGEST}/`, { object: 'Account', operation: 'insert' })).status).toBe(200);
  const id = await org.create();
  expect((await org.ask('GET', `${BASE}//jobs/ingest/${id}/`)).json['id']).toBe(id);
});

it('[id-forms] accepts ids of 15 and 18 characters and always returns 18', async () => {
  const org = await openOrg();
  const id = await org.create();
  expect(id).toMatch(/^750[A-Za-z0-9]{15}$/);
  expect((await org.ask('GET', `${INGEST}/${id.slice(0, 15)}`)).json['id']).toBe(id);
  expect((await org.ask('GET', `${INGEST}/${id.slice(0, 15)}555`)).status).toBe(404);
});

it('[body-forms] accepts bodies with a length and in chunks', async () => {
  const org = await openOrg();
  for (const headers of [{ 'content-length': '12' }, { 'transfer-encoding': 'chunked' }]) {
    const id = await org.create();
    const status = await new Promise((done, fail) => {
      const request = httpRequest(`${org.url}${INGEST}/${id}/batches`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${org.token}`, 'content-type': 'text/csv; charset=UTF-8', ...headers },
      });
      request.on('response', (response) => done(response.resume().statusCode)).on('error', fail);
      request.write('Name\n');
      request.end('Acme\r\n\n'.slice(0, 7));
    });
    expect(status).toBe(201);
  }
});

it.each([
  ['a wrong path', '/services/dat'],
  ['a missing resource', `${BASE}/nothing`],
  ['a version that the org does not have', '/services/data/v69.0/jobs/ingest'],
  ['a version before the API', '/services/data/v40.0/jobs/ingest'],
  ['a version without its decimal', '/services/data/v66/jobs/ingest'],
  ['a missing job', `${INGEST}/750000000000001AAA`],
  ['a missing object', `${BASE}/sobjects/Acount/describe`],
])('[unknown-path] answers 404 to %s', async (_what, path) => {
  const org = await openOrg();
  expect(refusal(await org.ask('GET', path))).toEqual([404, 'NOT_FOUND', 'The requested resource does not exist']);
});

it.each([`${INGEST}/%E0%A4`, `${BASE}/sobjects/%zz/describe`])('[unknown-path] answers 404 to %s', async (path) => {
  const org = await openOrg();
  expect(refusal(await org.ask('GET', path)).slice(0, 2)).toEqual([404, 'NOT_FOUND']);
  expect((await org.ask('GET', path, undefined, { authorization: '' })).status).toBe(401);
});

it('[wrong-verb] requires no token if the right method requires none', async () => {
  const org = await openOrg();
  const answer = await org.ask('GET', '/services/oauth2/token', undefined, { authorization: '' });
  expect(refusal(answer)).toEqual([405, 'METHOD_NOT_ALLOWED', "HTTP Method 'GET' not allowed. Allowed are POST"]);
  expect(answer.headers.has('sforce-limit-info')).toBe(false);
});

it('[wrong-verb] replies with 405 and lists the allowed methods', async () => {
  const org = await openOrg();
  expect(refusal(await org.ask('PUT', INGEST, 'x'))).toEqual([
    405,
    'METHOD_NOT_ALLOWED',
    "HTTP Method 'PUT' not allowed. Allowed are POST,GET",
  ]);
  expect((await org.ask('DELETE', `${BASE}/limits`)).status).toBe(405);
  expect((await org.ask('POST', `${INGEST}/${await org.create()}/batches`, 'x')).status).toBe(405);
});

it('[error-shape] sends errors as a list of objects', async () => {
  const org = await openOrg();
  const answer = await org.ask('GET', `${INGEST}/1`);
  expect(answer.headers.get('content-type')).toBe('application/json;charset=UTF-8');
  expect(JSON.parse(answer.text)).toEqual([{ message: expect.any(String), errorCode: 'NOT_FOUND' }]);
  for (const body of ['no JSON', '[]', 'null', '"a"']) {
    expect(refusal(await org.ask('POST', INGEST, body)).slice(0, 2)).toEqual([400, 'JSON_PARSER_ERROR']);
  }
});

it('[session-expired] replies with 401 to a token that it does not accept', async () => {
  const org = await openOrg();
  for (const authorization of ['Bearer 00D!other', 'Bearer', '']) {
    const answer = await org.ask('GET', `${BASE}/limits`, undefined, { authorization });
    expect(refusal(answer)).toEqual([401, 'INVALID_SESSION_ID', 'Session expired or invalid']);
    expect(answer.headers.get('www-authenticate')).toBe('Token');
  }
});

it('[limit-info] reports the number of used API requests in every reply', async () => {
  const org = await openOrg();
  expect((await org.ask('GET', `${BASE}/limits`)).headers.get('sforce-limit-info')).toBe('api-usage=1/100000');
  expect((await org.ask('GET', `${INGEST}/1`)).headers.get('sforce-limit-info')).toBe('api-usage=2/100000');
});

it('[gzip-replies] compresses replies if configured and accepted by the client', async () => {
  const get = (url: string, token: string): Promise<{ encoding: string | undefined; body: Buffer }> =>
    new Promise((done, fail) => {
      const headers = { authorization: `Bearer ${token}`, 'accept-encoding': 'gzip' };
      httpRequest(`${url}${BASE}/limits`, { headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => done({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }));
      })
        .on('error', fail)
        .end();
    });
  const plain = await openOrg();
  expect((await get(plain.url, plain.token)).encoding).toBeUndefined();
  const org = await openOrg({ quirks: { gzipReplies: true } });
  const { encoding, body } = await get(org.url, org.token);
  expect(encoding).toBe('gzip');
  expect(JSON.parse(gunzipSync(body).toString())).toHaveProperty('DailyApiRequests');
  const id = await org.create();
  await org.send(id, 'Name\nA\n');
  await org.ended(id);
  expect((await org.ask('GET', `${INGEST}/${id}/successfulResults`)).text).toContain('"A"');
});

it.each([
  ['any', [201, 200, 200]],
  ['strict', [415, 415, 415]],
] as const)('[content-types] with contentTypes %s', async (contentTypes, expected) => {
  const org = await openOrg({ quirks: { contentTypes } });
  const json = { 'content-type': 'application/json' };
  const made = await org.ask('POST', INGEST, { object: 'Account', operation: 'insert' }, json);
  const path = `${INGEST}/${String(made.json['id'])}`;
  const bad = { 'content-type': 'text/plain' };
  const upload = await org.ask('PUT', `${path}/batches`, 'Name\nA\n', bad);
  const close = await org.ask('PATCH', path, { state: 'UploadComplete' }, bad);
  const create = await org.ask('POST', INGEST, { object: 'Account', operation: 'insert' }, bad);
  expect([upload.status, close.status, create.status]).toEqual(expected);
  if (contentTypes === 'any') return;
  const csv = { 'content-type': 'text/csv; charset=UTF-8' };
  expect((await org.ask('PUT', `${path}/batches`, 'Name\nA\n', csv)).status).toBe(201);
  expect((await org.ask('PATCH', path, { state: 'UploadComplete' }, json)).status).toBe(200);
});

/** Uploading, closing and aborting. */
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { Clock, INGEST, openOrg, refusal } from '../../helpers/simulator.js';
import type { TestOrg } from '../../helpers/simulator.js';

const put = { 'content-type': 'text/csv' };

it('[upload-created] replies with 201 without a body, whatever the header is', async () => {
  const org = await openOrg();
  const answer = await org.ask('PUT', `${INGEST}/${await org.create()}/batches`, 'No Such Field\nA\n', put);
  expect([answer.status, answer.text]).toEqual([201, '']);
});

it('[upload-empty] refuses an upload without a byte, or accepts it', async () => {
  const strict = await openOrg();
  expect((await strict.ask('PUT', `${INGEST}/${await strict.create()}/batches`, '', put)).status).toBe(400);
  const lenient = await openOrg({ quirks: { emptyUpload: 'accept' } });
  const { info } = await lenient.load('');
  expect(info).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 0 });
});

it('[upload-size] refuses an upload that is too large', async () => {
  const org = await openOrg({ maxUploadBytes: 100 });
  const upload = async (bytes: number): Promise<number> =>
    (await org.ask('PUT', `${INGEST}/${await org.create()}/batches`, 'x'.repeat(bytes), put)).status;
  expect([await upload(100), await upload(101)]).toEqual([201, 400]);
});

it('[upload-not-open] refuses an upload to a closed job', async () => {
  const org = await openOrg();
  const id = await org.create();
  await org.send(id, 'Name\nA\n');
  const [status, code, message] = refusal(await org.ask('PUT', `${INGEST}/${id}/batches`, 'Name\nA\n', put));
  expect([status, code]).toEqual([400, 'INVALIDJOBSTATE']);
  expect(message).toContain('not Open');
});

it.each(['unpack', 'store'] as const)('[upload-gzip] with gzipUpload %s', async (gzipUpload) => {
  const org = await openOrg({ quirks: { gzipUpload } });
  const id = await org.create();
  await fetch(`${org.url}${INGEST}/${id}/batches`, {
    method: 'PUT',
    headers: { ...put, authorization: `Bearer ${org.token}`, 'content-encoding': 'gzip' },
    body: new Uint8Array(gzipSync('Name\nA\n')),
  });
  await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' });
  expect((await org.ended(id))['state']).toBe(gzipUpload === 'unpack' ? 'JobComplete' : 'Failed');
});

it.each(['INVALIDJOB', 'BULK_API_ERROR'] as const)(
  '[upload-twice] accepts a second upload and refuses the close (%s)',
  async (severalUploadsCode) => {
    const org = await openOrg({ quirks: { severalUploadsCode } });
    const id = await org.create();
    const twice = [await org.ask('PUT', `${INGEST}/${id}/batches`, 'Name\nA\n', put)];
    twice.push(await org.ask('PUT', `${INGEST}/${id}/batches`, 'Name\nA\n', put));
    expect(twice.map(({ status }) => status)).toEqual([201, 201]);
    expect(refusal(await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' }))).toEqual([
      400,
      severalUploadsCode,
      `Found multipe contents for job: <${id.slice(0, 15)}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.`,
    ]);
    expect(org.records('Account')).toEqual([]);
  },
);

/** An upload that continues until it is ended. */
function slowUpload(org: TestOrg, id: string): (rest: string) => Promise<{ status: number; text: string }> {
  const headers = { ...put, authorization: `Bearer ${org.token}`, 'transfer-encoding': 'chunked' };
  const request = httpRequest(`${org.url}${INGEST}/${id}/batches`, { method: 'PUT', headers });
  const answer = new Promise<{ status: number; text: string }>((done, fail) => {
    request.on('error', fail).on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += String(chunk)));
      response.on('end', () => done({ status: response.statusCode ?? 0, text }));
    });
  });
  request.write('Name\n');
  return (rest) => {
    request.end(rest);
    return answer;
  };
}

const arrived = async (org: TestOrg, uploads: number): Promise<void> => {
  while (org.ledger.count('upload') < uploads) await new Promise((done) => setTimeout(done, 5));
};

it('[upload-twice] accepts two uploads at the same time, and counts both', async () => {
  const org = await openOrg();
  const id = await org.create();
  const [first, second] = [slowUpload(org, id), slowUpload(org, id)];
  await arrived(org, 2);
  expect([await first('A\n'), await second('B\n')]).toEqual([
    { status: 201, text: '' },
    { status: 201, text: '' },
  ]);
  const close = refusal(await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' }));
  expect([close[0], close[2].includes('Found multipe contents')]).toEqual([400, true]);
});

it('[upload-not-open] refuses an upload whose job was closed or deleted meanwhile, and keeps the rows unchanged', async () => {
  const org = await openOrg();
  const id = await org.create();
  const late = slowUpload(org, id);
  await arrived(org, 1);
  await org.send(id, 'Name\nA\n');
  expect(await late('B\n')).toMatchObject({ status: 400, text: expect.stringContaining('INVALIDJOBSTATE') });
  await org.ended(id);
  expect(org.records('Account').map(({ values }) => values.get('Name'))).toEqual(['A']);
  const gone = await org.create();
  const later = slowUpload(org, gone);
  await arrived(org, 3);
  await org.ask('PATCH', `${INGEST}/${gone}`, { state: 'Aborted' });
  await org.ask('DELETE', `${INGEST}/${gone}`);
  const { status, text } = await later('B\n');
  expect([status, text.includes('/')]).toEqual([404, false]);
});

it('[close-reply] replies with fewer fields than create', async () => {
  const org = await openOrg();
  const id = await org.create({ operation: 'upsert', externalIdFieldName: 'External_Id__c' });
  await org.ask('PUT', `${INGEST}/${id}/batches`, 'External_Id__c,Name\nA,B\n', put);
  const { status, json } = await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' });
  expect([status, json['state']]).toEqual([200, 'UploadComplete']);
  expect(Object.keys(json)).toEqual([
    'id',
    'operation',
    'object',
    'createdById',
    'createdDate',
    'systemModstamp',
    'state',
    'externalIdFieldName',
    'concurrencyMode',
    'contentType',
    'apiVersion',
  ]);
});

it('[state-values] accepts only the two states that a client may set', async () => {
  const org = await openOrg();
  for (const [body, value] of [
    [{ state: 'JobComplete' }, 'JobComplete'],
    [{}, ''],
  ] as const) {
    expect(refusal(await org.ask('PATCH', `${INGEST}/${await org.create()}`, body))).toEqual([
      400,
      'API_ERROR',
      `Invalid value: '${value}' supplied for property: 'state'`,
    ]);
  }
});

it('[close-without-upload] refuses to close a job without an upload, or completes it', async () => {
  const strict = await openOrg();
  const close = { state: 'UploadComplete' };
  expect((await strict.ask('PATCH', `${INGEST}/${await strict.create()}`, close)).status).toBe(400);
  const lenient = await openOrg({ quirks: { closeWithoutUpload: 'complete' } });
  const id = await lenient.create();
  await lenient.ask('PATCH', `${INGEST}/${id}`, close);
  expect(await lenient.ended(id)).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 0 });
});

it('[close-again] refuses a second close, or accepts it while the job has not ended', async () => {
  const text = 'Closing already Completed Job not allowed';
  for (const [closeAgain, status] of [
    ['refuse', 400],
    ['accept', 200],
  ] as const) {
    const clock = new Clock();
    const org = await openOrg({ quirks: { closeAgain }, queueDelayMs: 1_500, recordsPerSecond: 1, now: clock.now });
    const id = await org.create();
    await org.send(id, 'Name\nA\n');
    const again = await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' });
    expect([again.status, again.text.includes(text)]).toEqual([status, status === 400]);
    clock.ms += 2_000;
    expect((await org.ask('GET', `${INGEST}/${id}`)).json['state']).toBe('InProgress');
    expect((await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' })).status).toBe(status);
    clock.pass(1);
    const late = await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' });
    expect(refusal(late)).toEqual([400, 'INVALIDJOBSTATE', text]);
  }
});

it('[abort-ended] refuses to abort a job that has ended', async () => {
  const org = await openOrg();
  const { id } = await org.load('Name\nA\n');
  const expected = [400, 'INVALIDJOBSTATE', 'Aborting already Completed Job not allowed'];
  expect(refusal(await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' }))).toEqual(expected);
});

it('[abort-open] never applies the rows of a job that is aborted while it is Open or waits', async () => {
  const org = await openOrg({ queueDelayMs: 60_000 });
  for (const close of [false, true]) {
    const id = await org.create();
    if (close) await org.send(id, 'Name,Phone\nA,1\n');
    else await org.ask('PUT', `${INGEST}/${id}/batches`, 'Name,Phone\nA,1\n', put);
    const { status, json } = await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
    expect([status, json['state']]).toEqual([200, 'Aborted']);
    expect(await org.ended(id)).toMatchObject({ numberRecordsProcessed: 0, numberRecordsFailed: 0 });
    expect((await org.ask('GET', `${INGEST}/${id}/unprocessedrecords`)).text).toBe('Name,Phone\nA,1\n');
  }
  expect(org.records('Account')).toEqual([]);
});

it('[abort-running] finishes the running batch: counters change after the abort, the rest is unprocessed', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, recordsPerSecond: 100 });
  const rows = Array.from({ length: 25_000 }, (_, i) => `Row ${i}`);
  const id = await org.create();
  await org.send(id, `Name\n${rows.join('\n')}\n`);
  clock.ms += 3_000;
  expect((await org.ask('GET', `${INGEST}/${id}`)).json).toMatchObject({
    state: 'InProgress',
    numberRecordsProcessed: 200,
  });
  await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
  expect((await org.ask('GET', `${INGEST}/${id}`)).json['numberRecordsProcessed']).toBe(200);
  clock.ms += 3_000;
  expect((await org.ask('GET', `${INGEST}/${id}`)).json['numberRecordsProcessed']).toBe(600);
  clock.pass(1);
  expect((await org.ask('GET', `${INGEST}/${id}`)).json['numberRecordsProcessed']).toBe(10_000);
  const unprocessed = (await org.ask('GET', `${INGEST}/${id}/unprocessedrecords`)).text;
  expect(unprocessed).toBe(`Name\n${rows.slice(10_000).join('\n')}\n`);
  expect(org.records('Account')).toHaveLength(10_000);
});

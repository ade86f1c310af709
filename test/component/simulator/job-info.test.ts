/** Reading, listing and deleting jobs. */
import { expect, it } from 'vitest';
import { Clock, INGEST, openOrg } from '../../helpers/simulator.js';

const put = { 'content-type': 'text/csv' };

it('[info-phases] shows counters from the upload on, and contentUrl until the close', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, recordsPerSecond: 400, queueDelayMs: 1_000 });
  const id = await org.create();
  const look = async (): Promise<Record<string, unknown>> => (await org.ask('GET', `${INGEST}/${id}`)).json;
  const open = await look();
  expect(open).toMatchObject({ state: 'Open', jobType: 'V2Ingest', contentUrl: expect.any(String), retries: 0 });
  expect(open).not.toHaveProperty('numberRecordsProcessed');
  await org.ask('PUT', `${INGEST}/${id}/batches`, `Name\n${'A\n'.repeat(1_000)}`, put);
  expect(await look()).toMatchObject({
    contentUrl: expect.any(String),
    numberRecordsProcessed: 0,
    numberRecordsFailed: 0,
  });
  await org.ask('PATCH', `${INGEST}/${id}`, { state: 'UploadComplete' });
  expect((await look())['state']).toBe('UploadComplete');
  expect(await look()).not.toHaveProperty('contentUrl');
  clock.ms += 2_250;
  expect(await look()).toMatchObject({ state: 'InProgress', numberRecordsProcessed: 400, totalProcessingTime: 0 });
  clock.pass(1);
  const end = await look();
  expect(end).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 1_000, numberRecordsFailed: 0 });
  expect(end).not.toHaveProperty('errorMessage');
});

it('[info-all-failed] completes a job in which every row failed, and counts failed rows as processed', async () => {
  const org = await openOrg();
  const { info } = await org.load('Phone\n1\n2\n3\n');
  expect(info).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 3, numberRecordsFailed: 3 });
});

it('[info-steps] counts running jobs in transactions of 200', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, recordsPerSecond: 100 });
  const id = await org.create();
  await org.send(id, `Name\n${'A\n'.repeat(1_000)}`);
  const seen = [];
  for (let i = 0; i < 5; i++) {
    clock.ms += 1_500;
    seen.push((await org.ask('GET', `${INGEST}/${id}`)).json['numberRecordsProcessed']);
  }
  expect(seen).toEqual([0, 200, 400, 600, 600]);
});

it('[info-steps] counts failed rows in the same steps, also for an aborted job while its batch runs', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, recordsPerSecond: 100 });
  const id = await org.create();
  // Every fourth row fails.
  await org.send(id, `Name,Rating\n${'A,Bad\nA,\nA,\nA,\n'.repeat(250)}`);
  const look = async (): Promise<unknown[]> => {
    clock.ms += 3_500;
    const { json } = await org.ask('GET', `${INGEST}/${id}`);
    return [json['state'], json['numberRecordsProcessed'], json['numberRecordsFailed']];
  };
  expect(await look()).toEqual(['InProgress', 200, 50]);
  await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
  expect(await look()).toEqual(['Aborted', 600, 150]);
  clock.pass(1);
  expect(await look()).toEqual(['Aborted', 1_000, 250]);
});

it('[info-soon] never waits for the rows of a job, at any speed', async () => {
  const org = await openOrg();
  const id = await org.create();
  await org.send(id, `Name\n${'A\n'.repeat(100_000)}`);
  const waits: number[] = [];
  for (let state: unknown = ''; state !== 'JobComplete';) {
    const begun = performance.now();
    ({ state } = (await org.ask('GET', `${INGEST}/${id}`)).json);
    waits.push(performance.now() - begun);
  }
  expect(waits.length).toBeGreaterThan(1);
  expect(Math.max(...waits)).toBeLessThan(1_000);
}, 30_000);

it('[info-retries] never counts a retry', async () => {
  const org = await openOrg();
  org.failNextJobAfter(1);
  expect((await org.load('Name\nA\nB\n')).info).toMatchObject({ state: 'Failed', retries: 0 });
});

it('[info-times] measures from the first batch to the end, without the time in the queue', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, recordsPerSecond: 100, queueDelayMs: 60_000 });
  const id = await org.create();
  await org.send(id, `Name\n${'A\n'.repeat(999)}`);
  clock.pass(1);
  const info = (await org.ask('GET', `${INGEST}/${id}`)).json;
  expect(info).toMatchObject({ state: 'JobComplete', totalProcessingTime: 10_000, apiActiveProcessingTime: 10_000 });
  // The time of the last change is that of the end, not of the request.
  expect(info['systemModstamp']).toBe('2026-11-23T20:01:10.000+0000');
});

it('[queue-delay] lets jobs wait a random time for a configured range', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, queueDelayMs: [1_000, 100_000] });
  const ids = await Promise.all(Array.from({ length: 8 }, () => org.create()));
  for (const id of ids) await org.send(id, 'Name\nA\n');
  clock.ms += 50_000;
  const states = await Promise.all(ids.map(async (id) => (await org.ask('GET', `${INGEST}/${id}`)).json['state']));
  expect(new Set(states)).toEqual(new Set(['UploadComplete', 'JobComplete']));
});

it.each(['Aborted', 'Failed', 'Open'] as const)('[open-too-long] with openTooLong %s', async (openTooLong) => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, quirks: { openTooLong } });
  const id = await org.create();
  clock.pass(24);
  expect((await org.ask('GET', `${INGEST}/${id}`)).json['state']).toBe('Open');
  clock.pass(0.1);
  expect((await org.ask('GET', `${INGEST}/${id}`)).json['state']).toBe(openTooLong);
});

it('[kept-seven-days] removes jobs seven days after their end', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now });
  const id = await org.create();
  await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
  clock.pass(7 * 24);
  expect((await org.ask('GET', `${INGEST}/${id}`)).status).toBe(200);
  clock.pass(1);
  expect((await org.ask('GET', `${INGEST}/${id}`)).status).toBe(404);
  expect((await org.ask('GET', INGEST)).json['records']).toEqual([]);
});

it('[list-pages] lists 1,000 jobs per page, each once', async () => {
  const org = await openOrg();
  for (let i = 0; i < 1_001; i++) await org.create();
  const first = (await org.ask('GET', `${INGEST}?jobType=V2Ingest`)).json;
  expect(first).toMatchObject({ done: false, nextRecordsUrl: expect.stringContaining('queryLocator=') });
  const second = (await org.ask('GET', String(first['nextRecordsUrl']))).json;
  expect(second).toMatchObject({ done: true, nextRecordsUrl: null });
  const all = [first, second].map(({ records }) => records as { id: string }[]);
  expect(all.map(({ length }) => length)).toEqual([1_000, 1]);
  expect(new Set(all.flat().map(({ id }) => id)).size).toBe(1_001);
}, 30_000);

it('[list-filters] supports the filters of the list', async () => {
  const org = await openOrg();
  await org.create();
  const count = async (query: string): Promise<number> =>
    ((await org.ask('GET', `${INGEST}?${query}`)).json['records'] as unknown[]).length;
  expect(await count('jobType=V2Ingest&isPkChunkingEnabled=false')).toBe(1);
  expect(await count('jobType=Classic')).toBe(0);
  expect(await count('jobType=BigObjectIngest')).toBe(0);
  const big = await org.create({ object: 'Reading__b' });
  expect((await org.ask('GET', `${INGEST}/${big}`)).json['jobType']).toBe('BigObjectIngest');
  expect(await count('jobType=BigObjectIngest')).toBe(1);
  expect(await count('jobType=V2Ingest')).toBe(1);
  expect(await count('')).toBe(2);
  expect(await count('isPkChunkingEnabled=true')).toBe(0);
});

it('[list-items] omits counters, times and errors in the list', async () => {
  const org = await openOrg();
  await org.load('Wrong\nA\n');
  const [item] = (await org.ask('GET', INGEST)).json['records'] as Record<string, unknown>[];
  expect(item).toMatchObject({ state: 'Failed', jobType: 'V2Ingest', columnDelimiter: 'COMMA' });
  for (const absent of ['numberRecordsProcessed', 'totalProcessingTime', 'retries', 'errorMessage']) {
    expect(item).not.toHaveProperty(absent);
  }
});

it('[list-order] lists jobs in an order that does not depend on their creation', async () => {
  const org = await openOrg();
  const created = [];
  for (let i = 0; i < 20; i++) created.push(await org.create());
  const listed = ((await org.ask('GET', INGEST)).json['records'] as { id: string }[]).map(({ id }) => id);
  expect(listed).not.toEqual(created);
  expect(listed).not.toEqual([...created].reverse());
  expect(new Set(listed)).toEqual(new Set(created));
});

it('[delete-ended] deletes a job that has ended or waits; afterwards it does not exist', async () => {
  const org = await openOrg();
  const { id } = await org.load('Name\nA\n');
  const aborted = await org.create();
  await org.ask('PATCH', `${INGEST}/${aborted}`, { state: 'Aborted' });
  for (const gone of [id, aborted]) {
    const answer = await org.ask('DELETE', `${INGEST}/${gone}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await org.ask('GET', `${INGEST}/${gone}`)).status).toBe(404);
    expect((await org.ask('GET', `${INGEST}/${gone}/successfulResults`)).status).toBe(404);
    expect((await org.ask('DELETE', `${INGEST}/${gone}`)).status).toBe(404);
  }
  expect(org.records('Account')).toHaveLength(1);
});

it('[delete-running] refuses to delete a job that is Open or InProgress', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, recordsPerSecond: 1 });
  const id = await org.create();
  expect((await org.ask('DELETE', `${INGEST}/${id}`)).status).toBe(400);
  await org.send(id, 'Name\nA\nB\n');
  clock.ms += 1_000;
  expect((await org.ask('GET', `${INGEST}/${id}`)).json['state']).toBe('InProgress');
  expect((await org.ask('DELETE', `${INGEST}/${id}`)).status).toBe(400);
});

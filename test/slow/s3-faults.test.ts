/**
 * A store that misbehaves, as a proxy in front of versitygw: outages, overload, interrupted and missing replies, refusals,
 * objects that change. Each load ends with every row, or with a code that says what to do, and sends no part twice.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { stringify } from 'csv-stringify/sync';
import { parse } from 'csv-parse/sync';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { openS3 } from '../../src/storage/s3/s3-store.js';
import { accounts, FAST, openWorld } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import { startS3Front } from '../helpers/s3-front.js';
import type { S3Fault, S3Front, S3Request } from '../helpers/s3-front.js';
import { findVersitygw, startVersitygw } from '../helpers/versitygw.js';
import type { Versitygw } from '../helpers/versitygw.js';

const program = findVersitygw();
const ROWS = 1_500;
const SLOW_DOWN = { status: 503, code: 'SlowDown' };
const RESULTS = 's3://bucket/results/';

let store: Versitygw;
let front: S3Front;
let world: World;

describe.skipIf(program === undefined)('a store', () => {
  beforeAll(async () => {
    store = await startVersitygw(program as string, 'bucket');
    front = await startS3Front(store.settings['AWS_ENDPOINT_URL_S3'] as string);
    Object.assign(process.env, store.settings, {
      AWS_ENDPOINT_URL_S3: front.url,
      NIGHTLOAD_S3_ROOTS: 's3://bucket/,s3://no-such-bucket/',
    });
    world = await openWorld();
  });
  afterEach(() => {
    front.fault = () => undefined;
    front.faults = 0;
  });
  afterAll(async () => {
    await world.end();
    await front.close();
    await store.close();
  });

  it.each<[string, S3Fault, (request: S3Request) => boolean]>([
    ['is not available for 20 s when the load begins', SLOW_DOWN, () => true],
    ['does not give the source for 20 s', SLOW_DOWN, isRead],
    [
      'does not give later parts for 20 s',
      SLOW_DOWN,
      (request) => isRead(request) && !request.range!.startsWith('bytes=0-'),
    ],
    ['takes no results for 20 s', SLOW_DOWN, ({ method, key }) => method === 'PUT' && key.endsWith('succeeded.csv')],
    [
      'refuses results for 20 s',
      { status: 403, code: 'AccessDenied' },
      ({ method, key }) => method === 'PUT' && key.endsWith('.csv'),
    ],
    ['does not list for 20 s', SLOW_DOWN, ({ query }) => query.has('list-type')],
  ])(
    'that %s',
    async (_what, fault, when) => {
      front.fault = during(20_000, fault, when);
      await expectWhole(await load());
    },
    180_000,
  );

  it.each<[string, number, S3Fault, (request: S3Request) => boolean]>([
    ['slows down a third of all requests', 3, SLOW_DOWN, () => true],
    ['times out a third of all requests', 3, { status: 400, code: 'RequestTimeout' }, () => true],
    ['fails a third of all requests', 3, { status: 500, code: 'InternalError' }, () => true],
    ['breaks off every second reply with data', 2, { cutAfter: 5_000 }, isRead],
    ['breaks off a third of all replies', 3, { cutAfter: 100 }, ({ method }) => method === 'GET'],
    ['leaves a fourth of all writes unanswered', 4, 'applyUnanswered', ({ method }) => method !== 'GET'],
  ])(
    'that %s',
    async (_what, each, fault, when) => {
      let asked = 0;
      front.fault = (request) => (when(request) && ++asked % each === 0 ? fault : undefined);
      await expectWhole(await load());
    },
    180_000,
  );

  it('that is not available for 20 s while a load waits for its source', async () => {
    const source = await put('in/late.csv', accounts(ROWS));
    front.fault = during(20_000, SLOW_DOWN, () => true);
    const poll = { initialInterval: '1s', maximumInterval: '5s', settleInterval: '1s' } as const;
    const handle = await start({ source, waitForSource: '10m', poll });
    await expect
      .poll(async () => (await handle.progress()).waitingFor, { timeout: 60_000 })
      .toMatch(/object store of late/);
    await expectWhole(await handle.result());
  }, 180_000);

  it('that falls silent in the middle of a source, and of a result', async () => {
    const silent = new Set<string>();
    const once = (name: string, fault: S3Fault): S3Fault => {
      if (silent.has(name)) return undefined;
      silent.add(name);
      return fault;
    };
    front.fault = (request) => {
      if (isRead(request)) return once('source', { stallAfter: 3_000 });
      return request.method === 'PUT' && request.key.endsWith('succeeded.csv') ? once('result', 'stall') : undefined;
    };
    await expectWhole(await load());
    expect([...silent]).toEqual(['source', 'result']);
  }, 400_000);

  it('that fails in the middle of a multipart upload: no part of it is left', async () => {
    const long = accounts(1_000, (row) => ({ ...row, Description: 'x'.repeat(30_000) }));
    const source = await put('in/long.csv', long);
    const isPart = ({ method, query }: S3Request): boolean => method === 'PUT' && query.has('partNumber');
    front.fault = during(
      15_000,
      SLOW_DOWN,
      (request) => isPart(request) && Number(request.query.get('partNumber')) > 1,
    );
    const handle = await start({ source, part: { maxBytes: 40_000_000 } });
    // As a killed worker leaves it.
    const Key = `results/${await loadIdOf(handle)}/run-x/part-00001/succeeded.csv`;
    const { UploadId } = await client().send(new CreateMultipartUploadCommand({ Bucket: 'bucket', Key }));
    await client().send(new UploadPartCommand({ Bucket: 'bucket', Key, UploadId, PartNumber: 1, Body: 'half' }));
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Completed', records: { total: 1_000, succeeded: 1_000 } });
    expect(front.faults).toBeGreaterThan(0);
    const { Uploads = [] } = await client().send(new ListMultipartUploadsCommand({ Bucket: 'bucket' }));
    expect(Uploads).toEqual([]);
  }, 300_000);

  it.each([
    [
      'is replaced',
      async (source: string) =>
        void (await put(
          keyOf(source),
          accounts(ROWS, (row) => ({ ...row, Name: 'new' })),
        )),
    ],
    ['vanishes', (source: string) => openS3(process.env).remove(source)],
  ])(
    'whose source %s in mid-load: what landed is counted',
    async (_what, change) => {
      const source = await put(`in/${name()}.csv`, accounts(ROWS));
      const handle = await start({ source, part: { maxBytes: 15_000, maxConcurrent: 1 } });
      await expect
        .poll(async () => (await handle.progress()).records.succeeded, { timeout: 60_000 })
        .toBeGreaterThan(0);
      await change(source);
      const result = await handle.result();
      expect(result).toMatchObject({ state: 'Failed', error: { code: 'SOURCE_CHANGED' } });
      expect(result.records.succeeded).toBeGreaterThan(0);
      expect(await landedRows(result)).toBe(result.records.succeeded);
    },
    120_000,
  );

  it.each<[string, Partial<BulkLoadInput>, string, S3Fault]>([
    ['a source outside of the roots', { source: 's3://elsewhere/a.csv' }, 'S3_OUTSIDE_ROOTS', undefined],
    ['results outside of the roots', { output: 's3://elsewhere/results/' }, 'S3_OUTSIDE_ROOTS', undefined],
    ['a source in no bucket', { source: 's3://no-such-bucket/a.csv' }, 'STORE_BUCKET_NOT_FOUND', undefined],
    ['results in no bucket', { output: 's3://no-such-bucket/results/' }, 'STORE_BUCKET_NOT_FOUND', undefined],
    ['no source', { source: 's3://bucket/in/none.csv' }, 'SOURCE_NOT_FOUND', undefined],
    ['no permission', {}, 'STORE_ACCESS_DENIED', { status: 403, code: 'AccessDenied' }],
    ['an expired login', {}, 'STORE_CREDENTIALS_INVALID', { status: 400, code: 'ExpiredToken' }],
    ['another region', {}, 'STORE_NOT_CONFIGURED', { status: 301, code: 'PermanentRedirect' }],
  ])(
    'and %s: nothing is sent',
    async (_what, more, code, fault) => {
      const source = await put('in/refused.csv', accounts(3));
      front.fault = () => fault;
      const result = await (await start({ source, ...more })).result();
      expect(result).toMatchObject({ state: 'Failed', jobsTotal: 0, error: { code } });
      expect(result.error?.message).not.toContain('resumes by itself');
    },
    60_000,
  );

  it.each([
    ['wrong', { AWS_SECRET_ACCESS_KEY: 'not this' }],
    ['no', { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_EC2_METADATA_DISABLED: 'true' }],
  ])(
    'and a worker with %s credentials',
    async (_what, keys) => {
      const taskQueue = `${world.taskQueue}-${name()}`;
      const env = { ...store.settings, ...keys, HOME: world.folder, NIGHTLOAD_FILE_ROOTS: world.folder };
      const { url: SF_INSTANCE_URL, token: SF_ACCESS_TOKEN } = world.org;
      const temporal = { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: taskQueue };
      const worker = await startWorkerProcess({ ...env, ...temporal, SF_INSTANCE_URL, SF_ACCESS_TOKEN }, world.folder);
      try {
        const handle = await start({ source: await put('in/login.csv', accounts(3)) }, taskQueue);
        const result = await handle.result();
        expect(result).toMatchObject({ state: 'Failed', jobsTotal: 0, error: { code: 'STORE_CREDENTIALS_INVALID' } });
        expect(worker.stderr()).not.toContain('not this');
      } finally {
        worker.child.kill('SIGTERM');
        await worker.ended;
      }
    },
    120_000,
  );
});

/** A request for bytes of a source. */
function isRead({ method, key, range }: S3Request): boolean {
  return method === 'GET' && key.startsWith('in/') && range !== undefined;
}

/** A fault from the first such request on, for a while. */
function during(ms: number, fault: S3Fault, when: (request: S3Request) => boolean): (request: S3Request) => S3Fault {
  let since: number | undefined;
  return (request) => {
    if (!when(request)) return undefined;
    since ??= Date.now();
    return Date.now() - since < ms ? fault : undefined;
  };
}

let names = 0;
function name(): string {
  return `s3-${++names}`;
}

function keyOf(uri: string): string {
  return uri.slice('s3://bucket/'.length);
}

function client(): S3Client {
  return new S3Client({ endpoint: store.settings['AWS_ENDPOINT_URL_S3'] as string, forcePathStyle: true });
}

async function put(key: string, rows: readonly Row[]): Promise<string> {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(stringify([...rows], { header: true })));
  }
  await openS3({ ...process.env }).write(`s3://bucket/${key}`, content());
  return `s3://bucket/${key}`;
}

function start(input: Partial<BulkLoadInput> & { source: string }, taskQueue = world.taskQueue): Promise<LoadHandle> {
  const upsert = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' } as const;
  return startBulkLoad(world.client, { ...upsert, ...FAST, loadId: name(), output: RESULTS, ...input }, { taskQueue });
}

async function loadIdOf(handle: LoadHandle): Promise<string> {
  return (await Promise.resolve(handle.workflowId)).slice('bulk-load/'.length);
}

/** Its source is written before the fault begins. */
async function load(): Promise<BulkLoadResult> {
  const { fault } = front;
  front.fault = () => undefined;
  const source = await put(`in/${name()}.csv`, accounts(ROWS));
  front.faults = 0;
  front.fault = fault;
  const handle = await start({ source, part: { maxBytes: 40_000, maxConcurrent: 2 } });
  return handle.result();
}

async function landedRows({ files }: BulkLoadResult): Promise<number> {
  const texts = await Promise.all(files.succeeded.map((uri) => readFile(join(store.folder, keyOf(uri)), 'utf8')));
  return texts.flatMap((text) => parse(text, { columns: true }) as Row[]).length;
}

async function expectWhole(result: BulkLoadResult): Promise<void> {
  expect(result.error).toBeUndefined();
  expect(result).toMatchObject({ state: 'Completed', balanced: true, records: { total: ROWS, succeeded: ROWS } });
  expect(front.faults).toBeGreaterThan(0);
  expect(await landedRows(result)).toBe(ROWS);
  for (const job of world.org.jobs()) {
    expect(job.state).not.toBe('Open');
    expect(job.uploads).toBeLessThanOrEqual(1);
  }
}

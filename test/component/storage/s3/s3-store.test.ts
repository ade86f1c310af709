import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { claimPart } from '../../../../src/activities/job/upload-claim.js';
import { orderByParent } from '../../../../src/activities/retry/group-by-parent.js';
import { ForeignFile } from '../../../../src/storage/files/file-ref.js';
import { readHead } from '../../../../src/storage/read-files.js';
import { openS3 } from '../../../../src/storage/s3/s3-store.js';
import { objectStoreContract } from '../../../helpers/object-store-contract.js';
import { startS3Server } from '../../../helpers/s3-server.js';
import type { S3Server } from '../../../helpers/s3-server.js';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
  Object.assign(process.env, server.settings);
});
afterAll(() => server.close());

objectStoreContract(() => ({ store: openS3(process.env), folder: 's3://bucket/contract' }));

describe('S3', () => {
  const [at, bytes] = ['s3://bucket/errors/a.csv', Buffer.from('text')];
  const settings = { ...process.env };
  afterEach(() => {
    server.fault = () => undefined;
    server.ignoresConditions = false;
    process.env = { ...settings, ...server.settings };
  });

  it('names a bucket that does not exist', async () => {
    const store = openS3(process.env);
    const expected = { code: 'STORE_BUCKET_NOT_FOUND', retryable: true };
    await expect(store.find('s3://missing/a.csv')).rejects.toMatchObject(expected);
    await expect(store.put('s3://missing/a.csv', bytes)).rejects.toMatchObject(expected);
  });

  it('needs credentials', async () => {
    process.env = {
      PATH: settings['PATH'],
      ...server.settings,
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: '/nonexistent',
    };
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    await expect(openS3(process.env).find(at)).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
    process.env['AWS_ACCESS_KEY_ID'] = 'WRONG';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'secret';
    await expect(openS3(process.env).put(at, bytes)).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
  });

  it('sends nothing over plain http to another machine', async () => {
    process.env['AWS_ENDPOINT_URL_S3'] = 'http://store.invalid:9000';
    await expect(openS3(process.env).find(at)).rejects.toMatchObject({ code: 'INSECURE_URL' });
    await expect(openS3(process.env).put(at, bytes)).rejects.toMatchObject({ code: 'INSECURE_URL' });
  });

  it('needs a region', async () => {
    process.env = { PATH: settings['PATH'], ...server.settings, HOME: '/nonexistent' };
    delete process.env['AWS_REGION'];
    await expect(openS3(process.env).find(at)).rejects.toMatchObject({ code: 'STORE_NOT_CONFIGURED' });
  });

  it.each([
    [403, 'AccessDenied', 'STORE_ACCESS_DENIED'],
    [301, 'PermanentRedirect', 'STORE_NOT_CONFIGURED'],
    [501, 'NotImplemented', 'STORE_NOT_SUPPORTED'],
    [503, 'SlowDown', 'STORE_UNAVAILABLE'],
  ])('answers HTTP %i %s with %s', async (status, code, expected) => {
    server.fault = () => ({ status, code });
    await expect(openS3(process.env).put(at, bytes)).rejects.toMatchObject({ code: expected, retryable: true });
  });

  it('says so when nothing listens', async () => {
    process.env['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:1';
    await expect(openS3(process.env).find(at)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('refuses a store that ignores the conditions of writes', async () => {
    server.ignoresConditions = true;
    await expect(openS3(process.env).put(at, bytes, 'absent')).rejects.toMatchObject({
      code: 'STORE_NOT_SUPPORTED',
      retryable: false,
    });
  });

  it('aborts a multipart upload that fails', async () => {
    let parts = 0;
    server.fault = ({ method, query }) =>
      method === 'PUT' && query.has('uploadId') && ++parts > 1 ? { status: 403, code: 'AccessDenied' } : undefined;
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < 4; n++) yield await Promise.resolve(Buffer.alloc(10_000_000));
    }
    await expect(openS3(process.env).write(at, large())).rejects.toMatchObject({ code: 'STORE_ACCESS_DENIED' });
    expect(server.uploads.size).toBe(0);
  });

  it('removes the unfinished uploads of a folder, and no others', async () => {
    for (const key of ['load-1/a.csv', 'load-10/a.csv']) server.uploads.set(key, { key, parts: new Map() });
    await openS3(process.env).removeUnfinished('s3://bucket/load-1');
    expect([...server.uploads.keys()]).toEqual(['load-10/a.csv']);
    server.uploads.clear();
  });

  it('resumes a reply that breaks off, at the byte where it did', async () => {
    const content = randomBytes(100_000);
    server.put('broken.csv', content);
    server.requests.length = 0;
    server.fault = ({ method }) => (method === 'GET' ? { breakAfter: 40_000 } : undefined);
    expect((await readHead(new ForeignFile('s3://bucket/broken.csv'), 200_000)).equals(content)).toBe(true);
    const ranges = server.requests.filter(({ method }) => method === 'GET').map(({ headers }) => headers.range);
    expect(ranges).toEqual(['bytes=0-99999', 'bytes=40000-99999', 'bytes=80000-99999']);
  });

  it('lets one of two jobs claim a part, and one of two replace a claim', async () => {
    const jobs = ['750000000000001', '750000000000002', '750000000000003'];
    const [a, b, c] = jobs as [string, string, string];
    const folder = 's3://bucket/claims/part-00001';
    const claims = await Promise.all([claimPart(folder, a, []), claimPart(folder, b, [])]);
    const won = claims[0] === undefined ? a : b;
    expect(claims.toSorted()).toEqual([won, undefined]);
    // Both workers know that the first job was aborted.
    const again = await Promise.allSettled([claimPart(folder, c, [won]), claimPart(folder, '750000000000004', [won])]);
    const sends = again.filter((one) => one.status === 'fulfilled' && one.value === undefined);
    expect(sends).toHaveLength(1);
  });

  it('orders rows by parent without a file on the disk', async () => {
    const rows = Array.from({ length: 400 }, (_, n) => `K-${n},P-${n % 7}\n`);
    server.put('rows.csv', rows.join(''));
    const path = 's3://bucket/rows.csv';
    const { signal } = new AbortController();
    const how = { names: ['Key', 'ParentId'], delimiter: ',' as const, parent: 'ParentId', signal, pieceBytes: 700 };
    await orderByParent(path, [0, rows.join('').length], how);
    const parents = server
      .text('rows.csv')
      .trim()
      .split('\n')
      .map((row) => row.split(',')[1]);
    const changes = parents.filter((parent, n) => parent !== parents[n - 1]);
    expect(changes).toHaveLength(7);
    expect(server.text('rows.csv').length).toBe(rows.join('').length);
    expect([...server.objects.keys()].filter((key) => key.startsWith('rows.csv'))).toEqual(['rows.csv']);
  });
});

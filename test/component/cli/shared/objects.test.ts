/** What commands read from an object store. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toInput, withFiles } from '../../../../src/cli/shared/input/load-input.js';
import { deriveLoadId } from '../../../../src/client/derive-load-id.js';
import { startS3Server } from '../../../helpers/s3-server.js';
import type { S3Server } from '../../../helpers/s3-server.js';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
  Object.assign(process.env, server.settings);
});
afterAll(() => server.close());

const ACCOUNTS = { object: 'Account', operation: 'insert' } as const;

it('fix rules', async () => {
  server.put('fixes.json', '[{"code": "STRING_TOO_LONG", "do": "truncate"}]');
  const options = await withFiles({ ...ACCOUNTS, fixes: 's3://bucket/fixes.json' });
  expect(toInput('s3://bucket/a.csv', options).retry?.fixes).toEqual([{ code: 'STRING_TOO_LONG', do: 'truncate' }]);
  await expect(withFiles({ fixes: 's3://bucket/none.json' })).rejects.toMatchObject({ code: 'FIXES_UNREADABLE' });
  server.put('bad.json', '{"rules": []}');
  await expect(withFiles({ fixes: 's3://bucket/bad.json' })).rejects.toMatchObject({ code: 'INVALID_FIXES' });
});

it('the id of a load, by ETag and size', async () => {
  const idOf = (source: string): Promise<string> => deriveLoadId({ source, ...ACCOUNTS });
  server.put('night/a.csv', 'Name\nA\n');
  const [one, all] = [await idOf('s3://bucket/night/a.csv'), await idOf('s3://bucket/night/')];
  server.requests.length = 0;
  server.put('copy.csv', 'Name\nA\n');
  expect(await idOf('s3://bucket/copy.csv')).toBe(one);
  expect(server.requests.filter(({ method }) => method === 'GET')).toEqual([]);
  server.put('night/b.csv', 'Name\nB\n');
  expect(await idOf('s3://bucket/night/*.csv')).not.toBe(all);
  server.put('night/a.csv', 'Name\nB\n');
  expect(await idOf('s3://bucket/night/a.csv')).not.toBe(one);
  await expect(idOf('s3://bucket/none.csv')).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
});

/** Whole loads whose source and results lie in an object store. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';
import { startS3Server } from '../helpers/s3-server.js';
import type { S3Server } from '../helpers/s3-server.js';

let s3: S3Server;
let world: World;
beforeAll(async () => {
  s3 = await startS3Server();
  Object.assign(process.env, s3.settings);
  world = await openWorld({
    rowOutcome: ({ Name: name = '' }) =>
      name === 'bad' ? 'FIELD_CUSTOM_VALIDATION_EXCEPTION:not good:Name --' : undefined,
  });
});
afterAll(async () => {
  await world.end();
  await s3.close();
});

function put(key: string, rows: readonly Row[]): string {
  s3.put(key, stringify([...rows], { header: true }));
  return `s3://bucket/${key}`;
}

function rowsOf(uri: string | undefined): Row[] {
  if (uri === undefined) return [];
  const text = s3.text(decodeURIComponent(uri.slice('s3://bucket/'.length)));
  return parse(text, { columns: true });
}

it('loads from S3 to S3: results and notes lie in the bucket, nothing on the disk', async () => {
  const rows = accounts(500, (row, n) => (n % 100 === 0 ? { ...row, Name: 'bad' } : row));
  const source = put('night/accounts 1.csv', rows).replace(' ', '%20');
  const result = await world.load({ source, output: 's3://bucket/results/', part: { maxBytes: 20_000 } });
  console.log(JSON.stringify(result.records), [...s3.objects.keys()], s3.requests.length);
  expect(result.records).toMatchObject({ total: 500, unaccounted: 0 });
  expect(result.files.succeeded.flatMap(rowsOf)).toHaveLength(result.records.succeeded);
  expect(rowsOf(result.files.rejected)).toHaveLength(result.records.rejected);
});

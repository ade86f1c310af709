/** Result files in a store, that a memo names: anyone who starts a workflow may have written it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findOwnResult, ownResultFile } from '../../../../src/cli/shared/local-files.js';
import { resultLines } from '../../../../src/cli/shared/result/print-result.js';
import { countReasons } from '../../../../src/cli/shared/result/rejected-reasons.js';
import type { BulkLoadResult } from '../../../../src/contract/load-result.js';
import { startS3Server } from '../../../helpers/s3-server.js';
import type { S3Server } from '../../../helpers/s3-server.js';

const WORKFLOW = 'bulk-load/x';
const PLACE = 's3://bucket/results/x/rejected.csv';
const ROWS = '"sf__Id","sf__Error","Name"\n"","REQUIRED_FIELD_MISSING:x:--","A"\n';
let server: S3Server;

const result = (rejected = PLACE): BulkLoadResult => ({
  ...{ loadId: 'x', workflowId: WORKFLOW, runId: 'r', state: 'CompletedWithRejects', object: 'Account' },
  ...{ operation: 'insert', balanced: true, retry: { rounds: 0, recovered: 0, rerendered: 0 }, jobsTotal: 1 },
  records: { total: 1, succeeded: 0, rejected: 1, unprocessed: 0, unaccounted: 0 },
  apiRequests: 1,
  files: { succeeded: [], rejected },
});
const claim = (workflowId: string, folder = 'results/x'): void =>
  server.put(`${folder}/.nightload-owner`, JSON.stringify({ workflowId, firstRunId: 'r' }));

beforeAll(async () => {
  server = await startS3Server();
  Object.assign(process.env, server.settings);
});
afterAll(() => server.close());
beforeEach(() => {
  process.env['NIGHTLOAD_S3_ROOTS'] = 's3://bucket/results/';
  server.put('results/x/rejected.csv', ROWS);
  server.put('other/x/rejected.csv', ROWS);
  claim(WORKFLOW);
  claim(WORKFLOW, 'other/x');
});
afterEach(() => {
  server.fault = () => undefined;
  server.objects.clear();
  server.requests.length = 0;
});

it('is read where its load wrote it', async () => {
  expect(await ownResultFile(result(), 'rejected')).toBe(PLACE);
  expect((await resultLines(result())).join('\n')).toMatch(/REQUIRED_FIELD_MISSING +1/);
});

describe('is not read', () => {
  it.each([
    ['under another name', () => server.put('results/x/a.csv', ROWS), 's3://bucket/results/x/a.csv', /another name/],
    ['if it is not there', () => server.objects.delete('results/x/rejected.csv'), PLACE, /not here/],
    ['in a folder that nobody claimed', () => server.objects.delete('results/x/.nightload-owner'), PLACE, /not here/],
    ['in the folder of another load', () => claim('bulk-load/other'), PLACE, /belongs to this load/],
    ['outside of the roots', () => undefined, 's3://bucket/other/x/rejected.csv', /S3_OUTSIDE_ROOTS/],
    ['without roots', () => delete process.env['NIGHTLOAD_S3_ROOTS'], PLACE, /S3_NOT_ENABLED/],
    ['by a name with dots', () => undefined, 's3://bucket/results/../other/x/rejected.csv', /INVALID_S3_URI/],
    ['without access', () => (server.fault = () => ({ status: 403, code: 'AccessDenied' })), PLACE, /ACCESS_DENIED/],
  ])('%s', async (_what, change, uri, reason) => {
    change();
    expect((await resultLines(result(uri))).join('\n')).not.toContain('REQUIRED');
    await expect(findOwnResult(result(uri), 'rejected')).rejects.toMatchObject({
      code: 'RESULT_NOT_READABLE',
      message: expect.stringMatching(reason) as string,
    });
    if (uri.includes('other')) expect(server.requests).toEqual([]);
  });
});

it('nobody waits for a store that does not answer, or stops in the middle of a file', { timeout: 30_000 }, async () => {
  server.fault = () => new Promise(() => undefined);
  await expect(findOwnResult(result(), 'rejected')).rejects.toThrow(/STORE_UNAVAILABLE/);
  expect(await countReasons(PLACE, 500)).toBeUndefined();
  server.fault = ({ method, headers }) => {
    if (method !== 'GET') return undefined;
    return headers.range?.startsWith('bytes=0-') === true ? { breakAfter: 60 } : new Promise(() => undefined);
  };
  expect(await countReasons(PLACE, 500)).toBeUndefined();
});

/** Anyone who starts a workflow can write a memo that looks like that of an ended load, or return such a result. */
import { describe, expect, it } from 'vitest';
import type { BulkLoadResult } from '../../../../src/contract/load-result.js';
import { readPartOfResult, readResult, resultOf } from '../../../../src/client/answers/load-result.js';

const whole: BulkLoadResult = {
  loadId: 'night-1',
  workflowId: 'bulk-load/night-1',
  runId: 'r',
  state: 'CompletedWithRejects',
  object: 'Account',
  operation: 'upsert',
  records: { total: 10, succeeded: 8, rejected: 2, unprocessed: 0, unaccounted: 0 },
  balanced: true,
  retry: { rounds: 1, recovered: 0, rerendered: 0 },
  jobsTotal: 1,
  apiRequests: 12,
  files: { succeeded: ['file:///out/a%20b.csv'], rejected: 'file:///out/r.csv', report: 'file:///out/report.json' },
  warnings: ['w'],
  error: { code: 'X', message: 'm' },
};

const readOwn = (value: unknown) => readResult(whole.workflowId, value);

it('reads the memo of a load, even if it contains only the required fields', () => {
  expect(readOwn(whole)).toEqual(whole);
  const { warnings: _w, error: _e, ...least } = whole;
  expect(readOwn({ ...least, files: { succeeded: [] } })).toMatchObject({ loadId: 'night-1' });
  const copies = { rejected: 'file:///out/rejected-for-people.csv' };
  const jobs = [{ id: '750xx', operation: 'upsert', state: 'JobComplete', records: 1, failed: 0, polls: 2 }];
  const more = { ...whole, jobs, files: { succeeded: [], forPeople: copies }, openJobs: ['750xx'] };
  expect(readOwn(more)).toEqual(more);
  // In the result files twice: the tally of an unbalanced load.
  expect(readOwn({ ...whole, records: { ...whole.records, unaccounted: -2 } })).toBeDefined();
});

it('reads no result that names another workflow, whose files it would lead to', () => {
  expect(readResult('bulk-load/evil', whole)).toBeUndefined();
  expect(() => resultOf('bulk-load/evil', whole)).toThrow('another workflow');
});

it('reads the result of a refused input', () => {
  const refused = { ...whole, object: '', operation: '', state: 'Failed', files: { succeeded: [] } };
  expect(readOwn(refused)).toMatchObject({ state: 'Failed', operation: '' });
});

it('takes only what it knows, with texts on one line and without control characters', () => {
  const error = { code: 'X', message: 'a\u001b[2Jb\r\nnightload: \u202ec', detail: 'x' };
  const found = readOwn({
    ...whole,
    more: 'x',
    error,
    warnings: ['\u0007w'],
    ...JSON.parse('{"__proto__":{"jobs":5}}'),
  });
  expect(found).toEqual({ ...whole, error: { code: 'X', message: 'a [2Jb nightload: c' }, warnings: ['w'] });
  expect(found?.jobs).toBeUndefined();
});

const FORGED: unknown[] = [
  undefined,
  null,
  'x',
  5,
  [],
  {},
  { ...whole, records: undefined },
  { ...whole, records: { ...whole.records, total: '10' } },
  { ...whole, records: { ...whole.records, total: 1e300 } },
  { ...whole, records: { ...whole.records, total: -1 } },
  { ...whole, records: { ...whole.records, total: 0.5 } },
  { ...whole, state: 'toString' },
  { ...whole, state: 'Running' },
  { ...whole, loadId: '../x' },
  { ...whole, workflowId: '\ud800' },
  { ...whole, runId: 'a\u001b[2J' },
  { ...whole, object: 5 },
  { ...whole, retry: null },
  { ...whole, apiRequests: 1e300 },
  { ...whole, files: { succeeded: 'x' } },
  { ...whole, files: { succeeded: [], report: 'https://example.com/x' } },
  { ...whole, files: { succeeded: [], report: 'file:///a%0Ab%1B[2J/../\u001b' } },
  { ...whole, files: { succeeded: [], forPeople: 'xy' } },
  { ...whole, files: { succeeded: [], forPeople: ['x'] } },
  { ...whole, files: { succeeded: [], forPeople: { rejected: 5 } } },
  { ...whole, files: { succeeded: Array(2_000).fill('file:///x') } },
  { ...whole, error: { code: 5, message: 'm' } },
  { ...whole, error: { code: '\u001b[31mX', message: 'm' } },
  { ...whole, error: 'x' },
  { ...whole, warnings: [{}] },
  { ...whole, openJobs: ['\u001b[2J'] },
  { ...whole, jobs: [null] },
  { ...whole, workflowId: 'x'.repeat(2_000) },
];

describe('a forged memo', () => {
  it.each(FORGED.map((value) => [value]))('is not a result: %#', (value) => {
    expect(readOwn(value)).toBeUndefined();
    expect(() => resultOf('bulk-load/x', value)).toThrow(
      expect.objectContaining({ code: 'LOAD_UNREADABLE', message: expect.stringContaining('bulk-load/x') as string }),
    );
  });

  it('is shown as far as it is valid', () => {
    expect(readPartOfResult(whole)).toEqual({ loadId: 'night-1', state: whole.state, records: whole.records });
    for (const nothing of [undefined, null, 'x', [], { records: 'x' }])
      expect(readPartOfResult(nothing)).toEqual({ records: {} });
    const mixed = { loadId: 5, state: 'Failed', records: { total: 3, succeeded: '\u001b[2J', other: 1 } };
    expect(readPartOfResult(mixed)).toEqual({ state: 'Failed', records: { total: 3 } });
  });
});

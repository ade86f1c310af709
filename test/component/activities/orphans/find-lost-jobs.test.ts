/** Jobs without a record are found, whatever type the platform gives them. */
import { afterEach, describe, expect, it } from 'vitest';
import { openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
afterEach(() => bench.close());

const ORG = { connection: 'default', apiVersion: 'v66.0' };
const DIALECT = { columnDelimiter: 'COMMA', lineEnding: 'LF' } as const;

describe.each([
  ['BigObjectIngest', 'Reading__b'],
  ['V2Ingest', 'Account'],
])('a job of type %s', (_type, object) => {
  it('is found after the reply to its create was lost', async () => {
    bench = await openBench();
    const from = Date.now() - 1_000;
    bench.org.fault({ kind: 'create', action: 'resetAfterApply' });
    const create = run(bench.activities.createJob, { ...ORG, ...DIALECT, object, operation: 'insert' });
    await expect(create).rejects.toMatchObject({ type: 'SALESFORCE_REPLY_LOST' });
    const lostCreates = [{ from, to: Date.now() + 1_000 }];
    const found = await run(bench.activities.findLostJobs, { ...ORG, object, operation: 'insert', lostCreates });
    expect(found.value).toEqual({ empty: bench.org.jobs().map(({ settings }) => settings.id), filled: [] });
    expect(found.value.empty).toHaveLength(1);
  });

  it('is found by `nightload orphans`', async () => {
    bench = await openBench();
    await run(bench.activities.createJob, { ...ORG, ...DIALECT, object, operation: 'insert' });
    const open = await run(bench.activities.listOpenJobs, { connection: 'default', createdUntil: Date.now() + 1_000 });
    expect(open.value.jobs).toMatchObject([{ object, operation: 'insert' }]);
  });
});

it('a job is found once, also in an org that refuses or ignores the filter', async () => {
  bench = await openBench();
  await run(bench.activities.createJob, { ...ORG, ...DIALECT, object: 'Account', operation: 'insert' });
  const open = async (): Promise<number> => {
    const input = { connection: 'default', createdUntil: Date.now() + 1_000 };
    return (await run(bench.activities.listOpenJobs, input)).value.jobs.length;
  };
  const path = 'jobs/ingest';
  bench.org.fault({ kind: 'list', path, after: 1, action: { status: 400, errorCode: 'API_ERROR', message: 'no' } });
  expect(await open()).toBe(1);
  const [job] = bench.org.jobs();
  const records = [{ id: job?.settings.id, state: 'Open', createdDate: new Date().toISOString() }];
  bench.org.fault({ kind: 'list', path, times: 2, action: { status: 200, json: { done: true, records } } });
  expect(await open()).toBe(1);
});

it('an Open job with rows is distinguished from an empty one, because another program may be about to close it', async () => {
  bench = await openBench();
  const stage = await bench.plan('External_Id__c,Name\nA,a\n');
  const jobId = await bench.createJob();
  await bench.upload(stage, jobId);
  const lostCreates = [{ from: Date.now() - 60_000, to: Date.now() + 60_000 }];
  const found = await run(bench.activities.findLostJobs, {
    ...ORG,
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    lostCreates,
  });
  expect(found.value).toEqual({ empty: [], filled: [jobId] });
});

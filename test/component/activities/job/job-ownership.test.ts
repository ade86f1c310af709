/** The job id in a step's input may be forged: steps do nothing with a job that this load cannot have created. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Activities } from '../../../../src/activities/index.js';
import type { JobRef } from '../../../../src/protocol/activities/job-types.js';
import type { Stage } from '../../../../src/protocol/activities/plan-types.js';
import { openJob, sendJob } from '../../../helpers/send-job.js';
import { openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
let stage: Stage;
let owner: 'running' | 'ended' | 'unknown';
beforeEach(async () => {
  bench = await openBench({}, { ownerOf: () => Promise.resolve(owner) });
  stage = await bench.plan('External_Id__c,Name\nA,first\nB,second\n');
});
afterEach(() => bench.close());

const HOUR = 3_600_000;
const MADE = { object: 'account', operation: 'upsert', externalIdFieldName: 'external_id__c' } as const;
const SPEC = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' };
const CSV = 'External_Id__c,Name\nX,theirs\n';
const ref = (jobId: string): JobRef => ({
  ...{ connection: 'default', apiVersion: 'v66.0', jobId, ...MADE },
  since: Date.now() - 1_000,
});

type Step = (activities: Activities, jobId: string) => Promise<{ value: unknown; requests: { total: number } }>;
const STEPS: Readonly<Record<string, Step>> = {
  uploadPart: ({ uploadPart }, jobId) => run(uploadPart, { ...ref(jobId), stageUri: stage.uri, part: 1, replaces: [] }),
  closeJob: ({ closeJob }, jobId) => run(closeJob, ref(jobId)),
  'closeJob, tried again': ({ closeJob }, jobId) => run(closeJob, ref(jobId), { attempt: 2 }),
  readJob: ({ readJob }, jobId) => run(readJob, ref(jobId)),
  abortJob: ({ abortJob }, jobId) => run(abortJob, ref(jobId)),
  'abortJob, unless it was closed': ({ abortJob }, jobId) => run(abortJob, { ...ref(jobId), unlessClosed: true }),
  downloadResults: ({ downloadResults }, jobId) =>
    run(downloadResults, { ...ref(jobId), stageUri: stage.uri, part: 1, operation: 'upsert' }),
};

/** Requests to the org for a job, except reads of the job. */
function done(jobId: string): string[] {
  const { requests } = bench.org.ledger;
  return requests.filter((one) => one.jobId === jobId && one.kind !== 'info').map(({ kind }) => kind);
}

const jobOf = (jobId: string) => bench.org.jobs().find(({ settings }) => settings.id === jobId);

const THEIRS: Readonly<Record<string, (make: typeof openJob) => Promise<string>>> = {
  'another user': (make) => make(bench.org, SPEC, bench.org.tokenOfAnotherUser()),
  'another object': (make) => make(bench.org, { object: 'Contact', operation: 'insert' }),
  'another operation': (make) => make(bench.org, { object: 'Account', operation: 'insert' }),
  'another key': (make) => make(bench.org, { ...SPEC, externalIdFieldName: 'Id' }),
};

describe.each(Object.keys(THEIRS))('a job of %s', (whose) => {
  it.each(Object.keys(STEPS))('%s leaves it alone', async (name) => {
    const jobId = await (THEIRS[whose] as (typeof THEIRS)[string])(openJob);
    for (const activities of [bench.activities, bench.restarted()]) {
      await expect((STEPS[name] as Step)(activities, jobId)).rejects.toMatchObject({
        type: 'JOB_NOT_OURS',
        nonRetryable: true,
        message: expect.stringContaining(jobId) as string,
      });
    }
    expect(done(jobId)).toEqual([]);
    expect(jobOf(jobId)).toMatchObject({ state: 'Open', uploads: 0 });
  });
});

it.each(['readJob', 'downloadResults'])("%s reveals nothing of another user's completed job", async (name) => {
  const jobId = await sendJob(bench.org, CSV, SPEC, bench.org.tokenOfAnotherUser());
  const before = done(jobId);
  await expect((STEPS[name] as Step)(bench.activities, jobId)).rejects.toMatchObject({ type: 'JOB_NOT_OURS' });
  expect(done(jobId)).toEqual(before);
});

it("a job older than the part's own request does not belong to it", async () => {
  await bench.close();
  bench = await openBench({ now: () => Date.now() - 2 * HOUR });
  stage = await bench.plan('External_Id__c,Name\nA,first\n');
  const jobId = await openJob(bench.org, SPEC);
  await expect((STEPS['uploadPart'] as Step)(bench.activities, jobId)).rejects.toMatchObject({ type: 'JOB_NOT_OURS' });
  expect(jobOf(jobId)?.uploads).toBe(0);
});

it('the job of another part of this worker is refused without a request', async () => {
  const jobId = await bench.createJob();
  const before = bench.org.ledger.count();
  const workflowExecution = { workflowId: 'bulk-load/other/part-1', runId: 'x' };
  const closing = run(bench.activities.closeJob, ref(jobId), { workflowExecution });
  await expect(closing).rejects.toMatchObject({ type: 'JOB_NOT_OURS' });
  expect(bench.org.ledger.count()).toBe(before);
});

it('its own job needs no additional request', async () => {
  const jobId = await bench.createJob();
  const requests: number[] = [];
  for (const name of ['uploadPart', 'closeJob', 'readJob', 'abortJob']) {
    requests.push((await (STEPS[name] as Step)(bench.activities, jobId)).requests.total);
  }
  expect(requests).toEqual([1, 1, 1, 1]);
});

it('a worker that was started later asks once, and then knows the job', async () => {
  const jobId = await bench.createJob();
  const activities = bench.restarted();
  const requests: number[] = [];
  for (const name of ['uploadPart', 'closeJob', 'readJob']) {
    requests.push((await (STEPS[name] as Step)(activities, jobId)).requests.total);
  }
  // One for the job, one for the user of the token.
  expect(requests).toEqual([3, 1, 1]);
  expect(jobOf(jobId)).toMatchObject({ uploads: 1 });
});

it('if the org does not report the user of the token, all other checks apply', async () => {
  const jobId = await bench.createJob();
  const activities = bench.restarted();
  bench.org.fault({ kind: 'other', action: { status: 200, json: {} } });
  expect((await (STEPS['abortJob'] as Step)(activities, jobId)).value).toMatchObject({ state: 'Aborted' });
  const other = await openJob(bench.org, { object: 'Contact', operation: 'insert' });
  await expect((STEPS['closeJob'] as Step)(activities, other)).rejects.toMatchObject({ type: 'JOB_NOT_OURS' });
});

it('an insert with an external id is retried as an upsert, and its lost job may be one', async () => {
  const jobId = await openJob(bench.org, SPEC);
  const input = { ...ref(jobId), operation: 'insert' as const };
  expect((await run(bench.activities.abortJob, input)).value).toMatchObject({ state: 'Aborted' });
});

describe('abortJob of orphanJobs', () => {
  const asked = (jobId: string): ReturnType<Step> =>
    run(
      bench.activities.abortJob,
      { connection: 'default', apiVersion: 'v66.0', jobId },
      { workflowType: 'orphanJobs' },
    );

  it.each(['running', 'unknown'] as const)('leaves a job alone whose load is %s', async (whose) => {
    owner = whose;
    const jobId = await bench.createJob();
    await expect(asked(jobId)).rejects.toMatchObject({ type: 'JOB_NOT_OURS' });
    expect(jobOf(jobId)?.state).toBe('Open');
  });

  it("leaves another user's job alone, even if a workflow records it", async () => {
    owner = 'ended';
    const jobId = await openJob(bench.org, SPEC, bench.org.tokenOfAnotherUser());
    await expect(asked(jobId)).rejects.toMatchObject({ type: 'JOB_NOT_OURS' });
    expect(jobOf(jobId)?.state).toBe('Open');
  });

  it('leaves a job alone that is not Open, and aborts one that is', async () => {
    owner = 'ended';
    const complete = await sendJob(bench.org, CSV, SPEC);
    expect((await asked(complete)).value).toMatchObject({ state: 'JobComplete' });
    expect(done(complete)).not.toContain('abort');
    const jobId = await openJob(bench.org, SPEC);
    expect((await asked(jobId)).value).toMatchObject({ state: 'Aborted' });
  });
});

it("rows of another user's jobs are not read to identify those of a part", async () => {
  const csv = 'External_Id__c,Name\nA,first\nB,second\n';
  const jobId = await sendJob(bench.org, csv, { object: 'Account' }, bench.org.tokenOfAnotherUser());
  expect(await bench.findEarlier(stage)).toMatchObject({ pending: [], unknown: [] });
  expect(done(jobId)).not.toContain('results');
});

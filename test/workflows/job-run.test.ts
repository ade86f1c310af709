import { describe, expect, it } from 'vitest';
import type { JobLook } from '../../src/activities/types.js';
import { countRequests, enterLook, newRun } from '../../src/workflows/job-run.js';
import type { JobRun } from '../../src/workflows/job-run.js';

const look = (id: string, state: string, processed: number, failed = 0): JobLook => ({ id, state, processed, failed });

function withJobs(...ids: string[]): JobRun {
  const run = newRun();
  for (const id of ids) run.jobs.push({ id, operation: 'insert', state: 'Open', records: 9, failed: 0, polls: 0 });
  run.jobId = ids.at(-1) ?? '';
  return run;
}

describe('enterLook', () => {
  it('keeps counters that a reply leaves out', () => {
    const run = withJobs('a');
    enterLook(run, look('a', 'InProgress', 500, 20), 1_000);
    enterLook(run, look('a', 'Aborted', 0, 0), 2_000);
    expect(run.last).toEqual(look('a', 'Aborted', 500, 20));
    expect(run.jobs[0]?.state).toBe('Aborted');
    enterLook(run, look('a', 'Aborted', 600, 25), 3_000);
    expect(run.last).toMatchObject({ processed: 600, failed: 25 });
  });

  it('starts anew with another job, and marks the state on the right one', () => {
    const run = withJobs('a', 'b');
    enterLook(run, look('a', 'Aborted', 500, 20), 1_000);
    enterLook(run, look('b', 'UploadComplete', 0), 2_000);
    expect(run.last).toEqual(look('b', 'UploadComplete', 0));
    expect(run.jobs.map(({ state }) => state)).toEqual(['Aborted', 'UploadComplete']);
  });

  it('stays small in a job of a day, with the first look and the latest ones', () => {
    const run = withJobs('a');
    for (let n = 0; n < 500; n++) enterLook(run, look('a', 'InProgress', n), n * 60_000);
    expect(run.looks.length).toBeLessThanOrEqual(20);
    expect(run.looks[0]).toEqual({ at: 0, processed: 0 });
    expect(run.looks.slice(-2).map(({ processed }) => processed)).toEqual([498, 499]);
  });
});

describe('countRequests', () => {
  it('books all requests on the load and those of the info on the job that counts', () => {
    const run = withJobs('a', 'b');
    countRequests(run, { total: 3, info: 2 });
    countRequests(run, { total: 1, info: 0 });
    expect(run.apiRequests).toBe(4);
    expect(run.jobs.map(({ polls }) => polls)).toEqual([0, 2]);
  });

  it('books requests that were made before there was a job', () => {
    const run = newRun();
    countRequests(run, { total: 2, info: 0 });
    expect(run.apiRequests).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';
import type { JobStatus } from '../../../../src/protocol/activities/job-types.js';
import { countRequests, enterJobInfo, enterLost, newJobState } from '../../../../src/workflows/job/job-state.js';
import type { JobState, LostJobs } from '../../../../src/workflows/job/job-state.js';

const look = (id: string, state: string, processed: number, failed = 0): JobStatus => ({
  id,
  state,
  processed,
  failed,
});

function withJobs(...ids: string[]): JobState {
  const run = newJobState();
  for (const id of ids) run.jobs.push({ id, operation: 'insert', state: 'Open', records: 9, failed: 0, polls: 0 });
  run.jobId = ids.at(-1) ?? '';
  return run;
}

describe('enterJobInfo', () => {
  it('keeps counters that a reply omits', () => {
    const run = withJobs('a');
    enterJobInfo(run, look('a', 'InProgress', 500, 20), 1_000);
    enterJobInfo(run, look('a', 'Aborted', 0, 0), 2_000);
    expect(run.last).toEqual(look('a', 'Aborted', 500, 20));
    expect(run.jobs[0]?.state).toBe('Aborted');
    enterJobInfo(run, look('a', 'Aborted', 600, 25), 3_000);
    expect(run.last).toMatchObject({ processed: 600, failed: 25 });
  });

  it('starts over with another job, and marks the state on the right one', () => {
    const run = withJobs('a', 'b');
    enterJobInfo(run, look('a', 'Aborted', 500, 20), 1_000);
    enterJobInfo(run, look('b', 'UploadComplete', 0), 2_000);
    expect(run.last).toEqual(look('b', 'UploadComplete', 0));
    expect(run.jobs.map(({ state }) => state)).toEqual(['Aborted', 'UploadComplete']);
  });

  it('stays small for a job of a day, with the first poll and the latest ones', () => {
    const run = withJobs('a');
    for (let n = 0; n < 500; n++) enterJobInfo(run, look('a', 'InProgress', n), n * 60_000);
    expect(run.samples.length).toBeLessThanOrEqual(20);
    expect(run.samples[0]).toEqual({ at: 0, processed: 0 });
    expect(run.samples.slice(-2).map(({ processed }) => processed)).toEqual([498, 499]);
  });
});

describe('countRequests', () => {
  it('adds all requests to the load, and info requests to the current job', () => {
    const run = withJobs('a', 'b');
    countRequests(run, { total: 3, info: 2 });
    countRequests(run, { total: 1, info: 0 });
    expect(run.apiRequests).toBe(4);
    expect(run.jobs.map(({ polls }) => polls)).toEqual([0, 2]);
  });

  it('adds requests that were made before there was a job', () => {
    const run = newJobState();
    countRequests(run, { total: 2, info: 0 });
    expect(run.apiRequests).toBe(2);
  });
});

describe('creates whose answers were lost', () => {
  it('stay apart as long as there are few of them', () => {
    const lost: LostJobs = { creates: [{ from: 5, to: 6 }] };
    enterLost(lost, { creates: [{ from: 1, to: 2, creates: 3 }], createdById: '005000000000001AAA' });
    expect(lost).toEqual({
      creates: [
        { from: 5, to: 6 },
        { from: 1, to: 2, creates: 3 },
      ],
      createdById: '005000000000001AAA',
    });
  });

  it('are joined to their nearest neighbors, and none is lost', () => {
    const spans = Array.from({ length: 60_000 }, (_, n) => ({
      from: n * 10 + (n % 600 === 0 ? 0 : 5),
      to: n * 10 + 9,
    }));
    const lost: LostJobs = { creates: [] };
    enterLost(lost, { creates: spans.reverse() });
    expect(lost.creates).toHaveLength(100);
    expect(lost.creates.reduce((sum, { creates = 1 }) => sum + creates, 0)).toBe(60_000);
    expect(lost.creates[0]?.from).toBe(0);
    expect(Math.max(...lost.creates.map(({ to }) => to))).toBe(599_999);
  });

  it.each([
    ['empty objects', Array(60_000).fill({})],
    ['no numbers', [{ from: 'x', to: 1 }, null, 5, { from: 1 }, { from: 1, to: NaN }]],
    ['no list', 'x'],
  ])('of another client are left out: %s', (_what, creates) => {
    const lost: LostJobs = { creates: [] };
    enterLost(lost, { creates: creates as never });
    expect(lost.creates).toEqual([]);
  });
});

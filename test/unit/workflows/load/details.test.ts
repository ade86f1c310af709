/** Texts in the Temporal UI, and the advice of failures. */
import { describe, expect, it } from 'vitest';
import type { BulkLoadInput } from '../../../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../../../src/contract/load-result.js';
import { emptyTally } from '../../../../src/workflows/load/tally.js';
import { newJobState } from '../../../../src/workflows/job/job-state.js';
import type { IngestJobInput, JobState } from '../../../../src/workflows/job/job-state.js';
import { emptyState } from '../../../../src/workflows/load/load-state.js';
import type { CarriedState } from '../../../../src/workflows/load/load-state.js';
import type { RetryInput } from '../../../../src/workflows/retry/retry-state.js';
import { remedyFor } from '../../../../src/workflows/job/finish/failure-advice.js';
import { loadDetails } from '../../../../src/workflows/load/details.js';
import { retryDetails } from '../../../../src/workflows/retry/details.js';
import { jobDetails, pollWait } from '../../../../src/workflows/job/details.js';
import { loadIntroduction, loadSummary } from '../../../../src/domain/text/load-summary.js';
import { count, time } from '../../../../src/domain/text/format.js';

const input: BulkLoadInput = {
  source: 'file:///data/accounts.csv',
  object: 'Account',
  operation: 'upsert',
  externalIdFieldName: 'External_Id__c',
};
const job = { ...input, part: 2, records: 1_000 } as unknown as IngestJobInput;
const run = (more: Partial<JobState> = {}): JobState => ({ ...newJobState(), jobId: '750A', ...more });
const quiet = { paused: false, running: new Map() };

function loading(more: Partial<CarriedState> = {}): CarriedState {
  const stage = {
    uri: 'file:///data/out/first/',
    groups: [],
    parts: 3,
    sizes: { from: 1, records: [500, 500, 200] },
    records: 1_200,
    columnDelimiter: 'COMMA',
    lineEnding: 'LF' as const,
  };
  return { ...emptyState(), phase: 'loading', stage, tally: { ...emptyTally(), total: 1_200 }, next: 3, ...more };
}

it.each([
  [0, '0 s'],
  [42_400, '42 s'],
  [90_000, '2 min'],
  [5_400_000, '1.5 h'],
])('writes %i ms as %s', (ms, text) => expect(time(ms)).toBe(text));

it.each([
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567, '1,234,567'],
])('writes %i as %s', (number, text) => expect(count(number)).toBe(text));

it("summarizes a load in less than Temporal's limit of 200 bytes, however long its names are", () => {
  expect(loadSummary(input)).toBe('upsert Account from accounts.csv');
  const long = loadSummary({ ...input, object: `${'A'.repeat(40)}__c`, source: `file:///x/${'漢'.repeat(300)}.csv` });
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(200);
});

it('explains a load to people who do not know nightload', () => {
  const text = loadIntroduction(input);
  for (const word of ['accounts.csv', 'Account', 'External_Id__c', 'pause', 'resume', 'Cancel', 'ingestJob']) {
    expect(text).toContain(word);
  }
});

describe('the timer before a poll', () => {
  const look = { id: '750A', state: 'InProgress', processed: 610, failed: 0 };
  it.each<[string, Partial<JobState>]>([
    ['750A: closed, first poll in 42 s', {}],
    ['poll 5 of 750A: 61 % done, next in 42 s', { polls: 5, last: look }],
    [
      'poll 5 of 750A: UploadComplete, next in 42 s',
      { polls: 5, last: { ...look, state: 'UploadComplete', processed: 0 } },
    ],
  ])('shows %s', (text, more) => expect(pollWait(run(more), job, 42_000)).toBe(text));
});

describe('the page of a load', () => {
  const running = new Map([
    [2, { n: 2, phase: 'processing' as const, jobId: '750B', processed: 100, failed: 3, total: 500 }],
  ]);

  it('shows running parts with their jobs, and what comes next', () => {
    const text = loadDetails({ input, state: loading(), live: { paused: false, running } });
    expect(text).toContain('### upsert Account: loading');
    expect(text).toContain('**Parts**: 1 of 3 done, 1 running');
    expect(text).toContain('**Part 2**, job 750B: processing, at least 100 of 500 rows, 3 failed');
    expect(text).toContain('part 3 starts when one of the 1 running parts ends');
  });

  it.each<[string, Partial<CarriedState>, string]>([
    ['preparing', { phase: 'preparing' }, 'a worker that sees the source'],
    ['planning', { phase: 'planning' }, 'split into parts'],
    ['the last parts', { next: 4 }, 'only the failed rows are sent again'],
    ['an error', { error: { code: 'X_Y', message: 'No.' } }, 'no more parts start'],
    ['retrying', { phase: 'retrying' }, 'sorting the failed rows'],
    ['reporting', { phase: 'reporting' }, 'the report is written'],
  ])('shows what comes next: %s', (_name, more, text) => {
    expect(loadDetails({ input, state: loading(more), live: quiet })).toContain(text);
  });

  it('shows what a pause and a retry wait for', () => {
    expect(loadDetails({ input, state: loading(), live: { ...quiet, paused: true } })).toMatch(
      /loading, paused[^]*`resume`/,
    );
    const waitingFor = 'round 1 of at most 3: 12 rows again in 40 s';
    expect(loadDetails({ input, state: loading({ phase: 'retrying' }), live: { ...quiet, waitingFor } })).toContain(
      waitingFor,
    );
  });

  it('ends with the next action', () => {
    const result = (more: Partial<BulkLoadResult>): BulkLoadResult =>
      ({
        state: 'Completed',
        records: { rejected: 0, unprocessed: 0 },
        retry: { recovered: 0 },
        files: {},
        ...more,
      }) as BulkLoadResult;
    const text = (more: Partial<BulkLoadResult>): string =>
      loadDetails({ input, state: loading(), live: quiet }, result(more));
    expect(text({})).toContain('nothing to do: every row landed');
    const files = { succeeded: [], rejected: 'file:///o/rejected.csv' };
    const rejects = { state: 'CompletedWithRejects' as const, files };
    expect(text({ ...rejects, records: { rejected: 1, unprocessed: 0 } as BulkLoadResult['records'] })).toContain(
      'correct the 1 row in `rejected.csv`',
    );
    expect(text({ state: 'Canceled' })).toContain('canceled; the rows');
    const error = { code: 'JOB_FAILED', message: 'Why.' };
    expect(
      loadDetails({ input, state: loading({ error }), live: quiet }, result({ state: 'Failed', error })),
    ).toContain('**JOB_FAILED**: Why.');
  });
});

it("shows a job with its counters, earlier abandoned jobs, and the platform's message", () => {
  const summary = (id: string) => ({
    id,
    operation: 'upsert' as const,
    state: 'Aborted',
    records: 0,
    failed: 0,
    polls: 0,
  });
  const text = jobDetails(
    job,
    run({
      phase: 'processing',
      jobs: [summary('750X'), summary('750A')],
      last: { id: '750A', state: 'Failed', processed: 10, failed: 2, errorMessage: 'InvalidBatch : no' },
    }),
  );
  for (const part of [
    'part 2: processing',
    '750A, Failed',
    '10 of 1,000 processed, 2 of them failed',
    '750X',
    'InvalidBatch : no',
  ]) {
    expect(text).toContain(part);
  }
});

it('shows the retry with its round and its state', () => {
  const retry = { ...input, retry: { maxRounds: 3 } } as unknown as RetryInput;
  const result = {
    tally: { ...emptyTally(), rounds: 1, recovered: 5, rejected: 2 },
    files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
    ended: [],
    canceled: false,
    lost: { creates: [] },
  };
  const text = retryDetails(retry, result, 'round 2 in 4 min');
  for (const part of ['round 2 in 4 min', '1 of at most 3', '5 landed in a retry, 2 need a person'])
    expect(text).toContain(part);
});

it.each([
  ['InvalidBatch : Field name not found : Account Name', "--map 'Account Name=Api_Name__c'"],
  ['ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF', '--line-ending'],
  ['InvalidBatch : type is not needed for non polymorphic foreign key references: Parent', 'Owner.Email'],
  ["InvalidBatch : The 'delete' batch must contain only ids.", 'only the column Id'],
  ['Something never seen', 'load the file again'],
])('gives advice on %s', (message, advice) => expect(remedyFor(message)).toContain(advice));

it('names the workers that a step waits for, of the load and of a part', () => {
  const missing = 'a worker of the task queue "q-files-1": none polls it, so start `nightload worker`';
  const part = {
    n: 2,
    phase: 'uploading',
    processed: 0,
    failed: 0,
    total: 9,
    waitingFor: missing,
    inQuestion: true,
  } as const;
  const details = loadDetails({ input, state: loading(), live: { ...quiet, missing, running: new Map([[2, part]]) } });
  expect(details).toContain(`- **Waits for** ${missing}`);
  expect(details).toContain(`- **Part 2**: waits for ${missing}, 0 of 9 rows`);
});

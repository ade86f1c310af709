/** A create without a reply: what ends the wait for it, and what is remembered of it. */
import type { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CreatedJob, CreateJobInput } from '../../../../src/protocol/activities/job-types.js';
import type { HeartbeatDetails, Counted, FailureDetails } from '../../../../src/protocol/activities/attempt-types.js';
import { openBench, quietEnvironment } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

const INPUT: CreateJobInput = {
  connection: 'default',
  apiVersion: 'v66.0',
  object: 'Account',
  operation: 'insert',
  columnDelimiter: 'COMMA',
  lineEnding: 'LF',
};

let bench: Bench;
let environment: MockActivityEnvironment;
let beats: HeartbeatDetails[];
beforeEach(async () => {
  bench = await openBench();
  environment = quietEnvironment();
  beats = [];
  environment.on('heartbeat', (beat: HeartbeatDetails) => beats.push(structuredClone(beat)));
});
afterEach(() => bench.close());

const create = (): Promise<Counted<CreatedJob>> =>
  environment.run(bench.activities.createJob as (input: CreateJobInput) => Promise<Counted<CreatedJob>>, INPUT);
const untilAsked = (): Promise<void> => expect.poll(() => bench.org.ledger.requests.length).toBeGreaterThan(0);

it('is aborted when the worker must end, and is a lost create for the next attempt', async () => {
  bench.org.fault({ kind: 'create', action: 'hang' });
  const before = Date.now();
  const asked = create();
  asked.catch(() => undefined);
  await untilAsked();
  environment.cancel('WORKER_SHUTDOWN');
  const failure = await asked.catch((error: unknown) => error as { type: string; details: FailureDetails[] });
  expect(failure).toMatchObject({ type: 'WORKER_SHUTDOWN', nonRetryable: false });
  expect(Date.now() - before).toBeLessThan(5_000);
  for (const memory of [(failure as { details: FailureDetails[] }).details[0]?.memory, beats.at(-1)?.memory]) {
    expect(memory?.lostCreates).toHaveLength(1);
    expect(memory?.lostCreates?.[0]?.from).toBeGreaterThanOrEqual(before);
  }
});

it('is announced by a heartbeat at once: the worker may be killed before it gets the reply', async () => {
  bench.org.fault({ kind: 'create', action: 'hang' });
  const before = Date.now();
  create().catch(() => undefined);
  await untilAsked();
  expect(beats[0]?.requests.total).toBe(1);
  expect(beats[0]?.memory?.askedAt).toBeGreaterThanOrEqual(before);
  environment.cancel('WORKER_SHUTDOWN');
});

it('that was not sent before the worker ends is not lost', async () => {
  environment.cancel('WORKER_SHUTDOWN');
  await expect(create()).rejects.toMatchObject({ type: 'WORKER_SHUTDOWN' });
  expect(bench.org.ledger.requests).toEqual([]);
  expect(beats.at(-1)?.memory?.lostCreates).toEqual([]);
});

it('is not interrupted when the load is canceled', async () => {
  environment.cancel('CANCELLED');
  const { value } = await create();
  expect(bench.org.jobs().map(({ settings }) => settings.id)).toEqual([value.jobId]);
});

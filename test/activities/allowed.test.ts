/** What a connection may be used for is looked at by every step that speaks to the org, whoever asks for the step. */
import type { ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Activities } from '../../src/activities/index.js';
import type { Allow } from '../../src/salesforce/allow.js';
import { openBench, run } from './support.js';
import type { Bench } from './support.js';

const allows = new Map<string, Allow>();
const fixers = new Set<string>();
let bench: Bench;
let requests: number;
let folder: string;
beforeEach(async () => {
  bench = await openBench({}, { allows, fixers });
  allows.clear();
  fixers.clear();
  PLAN.workUri = (await bench.plan('Name,External_Id__c\nA,1\n')).uri;
  folder = new URL('../../', PLAN.workUri).href;
  ANYWHERE.source = PLAN.source = `${folder}source.csv`;
  requests = bench.org.ledger.requests.length;
});
afterEach(() => bench.close());

async function refused(activity: (input: never) => Promise<unknown>, input: unknown): Promise<string> {
  const failure = (await run(activity as (input: unknown) => Promise<unknown>, input).catch(
    (error: unknown) => error,
  )) as ApplicationFailure;
  expect([failure.type, failure.nonRetryable]).toEqual(['NOT_ALLOWED', true]);
  return failure.message;
}

const ORG = { connection: 'default', apiVersion: 'v66.0' };
const JOB = { ...ORG, jobId: '750000000000001AAA' };
const ROWS = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' };
const CREATE = { ...ORG, ...ROWS, columnDelimiter: 'COMMA', lineEnding: 'LF' };
const ANYWHERE = {
  connection: 'default',
  source: '',
  loadId: 'x',
  executionId: 'x'.repeat(8),
  ...ROWS,
};
const PLAN = {
  ...ANYWHERE,
  workUri: '',
  blankAsNull: false,
  partMaxBytes: 100_000_000,
  mapLabels: false,
  checkRows: false,
  skipBadRows: false,
};

it('another task queue gets nothing of the connection, at no step', async () => {
  const stageUri = PLAN.workUri;
  allows.set('default', { taskQueues: ['theirs'] });
  const steps: [keyof Activities, unknown][] = [
    ['awaitSource', ANYWHERE],
    ['locateSource', ANYWHERE],
    ['planLoad', PLAN],
    ['checkSource', PLAN],
    ['createJob', CREATE],
    ['uploadPart', { ...JOB, stageUri, part: 1, replaces: [] }],
    ['closeJob', JOB],
    ['readJob', JOB],
    ['abortJob', JOB],
    ['downloadResults', { ...JOB, stageUri, part: 1, operation: 'upsert' }],
    ['findLostJobs', { ...ORG, ...ROWS, lostCreates: [] }],
    ['listOpenJobs', { connection: 'default', createdUntil: 0 }],
    ['readOrgLimits', { connection: 'default' }],
  ];
  for (const [name, input] of steps) {
    expect(await refused(bench.activities[name] as never, input), name).toContain('Allowed task queues: theirs.');
  }
  expect(bench.org.ledger.requests).toHaveLength(requests);
});

it('another object or operation is refused where jobs are planned, created and looked for', async () => {
  allows.set('default', { objects: ['Contact'], operations: ['insert'] });
  const steps: [keyof Activities, unknown][] = [
    ['locateSource', ANYWHERE],
    ['planLoad', PLAN],
    ['checkSource', PLAN],
    ['createJob', CREATE],
    ['findLostJobs', { ...ORG, ...ROWS, lostCreates: [] }],
  ];
  for (const [name, input] of steps) {
    const activity = bench.activities[name] as never;
    expect(await refused(activity, input), name).toContain('Allowed objects: Contact.');
    const contact = { ...(input as object), object: 'contact' };
    expect(await refused(activity, contact), name).toContain('Allowed operations: insert.');
  }
  expect(bench.org.ledger.requests).toHaveLength(requests);
});

it('a source elsewhere is refused before anybody learns whether it is there', async () => {
  const crm = `${folder}crm/`;
  allows.set('default', { sourcePrefixes: [crm] });
  for (const source of [
    `${folder}source.csv`,
    `${folder}not-there`,
    `${crm}../source.csv`,
    `${crm}%2e%2e/source.csv`,
  ]) {
    for (const name of ['awaitSource', 'locateSource', 'planLoad', 'checkSource'] as const) {
      const message = await refused(bench.activities[name] as never, { ...PLAN, source });
      expect(message).toContain(`this source. Allowed sources: ${crm}.`);
    }
  }
});

it('a fixer that the worker does not permit is refused by the first step', async () => {
  fixers.add('correct@ours');
  const fixer = { activity: 'steal', taskQueue: 'theirs' };
  for (const name of ['awaitSource', 'locateSource', 'planLoad'] as const) {
    const message = await refused(bench.activities[name] as never, { ...PLAN, fixer });
    expect(message).toContain('steal@theirs. Allowed fixers: correct@ours.');
  }
});

it('what is allowed goes through', async () => {
  allows.set('default', { taskQueues: ['test', 'files'], objects: ['Account'], operations: ['upsert'] });
  expect((await bench.plan('Name,External_Id__c\nA,1\n')).records).toBe(1);
  expect((await run(bench.activities.createJob, CREATE as never)).value.jobId).toMatch(/^750/);
});

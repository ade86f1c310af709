/** Every step that calls the org checks the permitted uses of its connection, whichever workflow calls the step. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import type { Activities } from '../../../../src/activities/index.js';
import type { Allow } from '../../../../src/salesforce/config/allow-list.js';
import { FileRoots } from '../../../../src/storage/files/file-roots.js';
import { openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

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

it('another task queue may not use the connection, at any step', async () => {
  const stageUri = PLAN.workUri;
  allows.set('default', { taskQueues: ['theirs'] });
  const steps: [keyof Activities, unknown][] = [
    ['probeSource', ANYWHERE],
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

it('another object or operation is refused where jobs are planned, created and looked up', async () => {
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

it('a source elsewhere is refused without revealing whether it exists', async () => {
  const crm = `${folder}crm/`;
  allows.set('default', { sourcePrefixes: [crm] });
  for (const source of [
    `${folder}source.csv`,
    `${folder}not-there`,
    `${crm}../source.csv`,
    `${crm}%2e%2e/source.csv`,
  ]) {
    for (const name of ['probeSource', 'locateSource', 'planLoad', 'checkSource'] as const) {
      const message = await refused(bench.activities[name] as never, { ...PLAN, source });
      expect(message).toContain(`this source. Allowed sources: ${crm}.`);
    }
  }
});

it('an output elsewhere is refused by the first steps, and nothing is created there', async () => {
  const crm = `${folder}crm/`;
  allows.set('default', { outputPrefixes: [crm] });
  const path = fileURLToPath(folder);
  mkdirSync(join(path, 'crm'));
  symlinkSync(path, join(path, 'crm/link'));
  for (const output of [folder, `${folder}other`, `${crm}..`, `${crm}%2e%2e/other`, `${crm}link`, `${crm}link/other`]) {
    for (const name of ['probeSource', 'locateSource'] as const) {
      const message = await refused(bench.activities[name] as never, { ...ANYWHERE, output, refuseLanded: true });
      expect(message).toContain(`this output. Allowed outputs: ${crm}.`);
    }
  }
  expect(readdirSync(path).sort()).toEqual(['crm', 'source.csv', 'work']);
  expect(readdirSync(join(path, 'crm'))).toEqual(['link']);
});

it('an output that leads elsewhere by the time it is claimed is refused', async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-moved-')));
  const roots = await FileRoots.open([root]);
  const moved = await openBench({}, { allows, roots });
  onTestFinished(async () => {
    await moved.close();
    rmSync(root, { recursive: true });
  });
  for (const name of ['crm/mine', 'hr']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'source.csv'), 'Name\nA\n');
  const pathOf = roots.pathOf.bind(roots);
  // After the first check, which permits it.
  roots.pathOf = async (uri) => {
    rmSync(join(root, 'crm/mine'), { recursive: true, force: true });
    symlinkSync(join(root, 'hr'), join(root, 'crm/mine'));
    return pathOf(uri);
  };
  const at = (path: string): string => pathToFileURL(join(root, path)).href;
  allows.set('default', { outputPrefixes: [at('crm/')] });
  const input = { ...ANYWHERE, source: at('source.csv'), output: at('crm/mine'), refuseLanded: true };
  expect(await refused(moved.activities.locateSource as never, input)).toContain('this output. Allowed outputs');
  expect(readdirSync(join(root, 'hr'))).toEqual([]);
});

it("an output below a prefix is accepted, and so is the worker's default", async () => {
  allows.set('default', { outputPrefixes: [`${folder}crm/`] });
  const where = async (input: object): Promise<string> =>
    (await run(bench.activities.locateSource, { ...ANYWHERE, ...input } as never)).outputUri;
  expect(await where({ output: `${folder}crm` })).toBe(`${folder}crm/x/`);
  expect(await where({})).toBe(`${folder}x/`);
});

it('a fixer without permission is refused by the first step', async () => {
  fixers.add('correct@ours');
  const fixer = { activity: 'steal', taskQueue: 'theirs' };
  for (const name of ['probeSource', 'locateSource', 'planLoad'] as const) {
    const message = await refused(bench.activities[name] as never, { ...PLAN, fixer });
    expect(message).toContain('steal@theirs. Allowed fixers: correct@ours.');
  }
});

it('permitted uses are accepted', async () => {
  allows.set('default', { taskQueues: ['test', 'files'], objects: ['Account'], operations: ['upsert'] });
  expect((await bench.plan('Name,External_Id__c\nA,1\n')).records).toBe(1);
  expect((await run(bench.activities.createJob, CREATE as never)).value.jobId).toMatch(/^750/);
});

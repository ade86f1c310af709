/** A folder in a step's input may be forged: nothing is read or written in another load's claimed folder. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Activities } from '../../../../src/activities/index.js';
import type { PlanLoadInput, Stage } from '../../../../src/protocol/activities/plan-types.js';
import { folderUri } from '../../../../src/storage/locations.js';
import { loaded, openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
let stage: Stage;
/** Of the calling load. */
let workflowId: string;
const FIRST_RUN = '01a225ea-a221-75b4-97e8-6312d6170778';
beforeEach(async () => {
  workflowId = 'bulk-load/theirs';
  bench = await openBench(
    {},
    { loadOf: () => Promise.resolve({ workflowId, runId: FIRST_RUN, firstRunId: FIRST_RUN }) },
  );
  await bench.plan(SOURCE);
  await bench.write('theirs/.nightload-owner', JSON.stringify({ workflowId, firstRunId: 'x' }));
  stage = await bench.planAgain({ workUri: uri('theirs/run-1/') });
});
afterEach(() => bench.close());

const SOURCE = 'External_Id__c,Name\nA,first\nB,second\n';
const ORG = { connection: 'default', apiVersion: 'v66.0', jobId: '750000000000001AAA' };
const MADE = { object: 'Account', operation: 'upsert' } as const;
const uri = (path: string): string => new URL(path, new URL('.', bench.sourceUri)).href;

const planOf = (workUri: string): PlanLoadInput => ({
  ...{ source: bench.sourceUri, workUri, ...MADE, externalIdFieldName: 'External_Id__c', connection: 'default' },
  ...{ blankAsNull: false, partMaxBytes: 1_000_000, mapLabels: false, checkRows: false, skipBadRows: false },
});

/** Each gets one folder that belongs to another load; the others are its own. */
const STEPS: Readonly<Record<string, (activities: Activities) => Promise<unknown>>> = {
  planLoad: ({ planLoad }) => run(planLoad, planOf(uri('theirs/run-1/'))),
  'planLoad, in their results': ({ planLoad }) => run(planLoad, planOf(uri('theirs/'))),
  uploadPart: ({ uploadPart }) => run(uploadPart, { ...ORG, stageUri: stage.uri, part: 1, replaces: [] }),
  downloadResults: ({ downloadResults }) =>
    run(downloadResults, { ...ORG, stageUri: stage.uri, part: 1, operation: 'upsert' }),
  recordParts: ({ recordParts }) => run(recordParts, { stageUri: stage.uri, file: 1, outcomes: [], jobs: [] }),
  readPartSizes: ({ readPartSizes }) => run(readPartSizes, { stageUri: stage.uri, from: 1 }),
  triageRows: () => bench.sort(stage, [loaded({ succeeded: 2 })]),
  'triageRows, into theirs': async () => {
    const own = await bench.planAgain();
    return bench.sort(own, [loaded({ succeeded: 2 })], { nextStageUri: uri('theirs/run-1/round-1/') });
  },
  findEarlierJobs: async () => bench.findEarlier(await bench.planAgain(), { workUri: uri('theirs/run-1/') }),
  collectRejected: ({ collectRejected }) =>
    run(collectRejected, { outputUri: uri('own/'), runId: 'x', rejected: [uri('theirs/run-1/rejected.csv')] }),
  keepColumns: ({ keepColumns }) =>
    run(keepColumns, {
      ...{ stageUri: uri('work/first/'), outputUri: uri('own/'), runId: 'x' },
      ended: [{ uri: stage.uri, noted: 0, outcomes: [], jobs: [] }],
    }),
};

describe('of another load', () => {
  it.each(Object.keys(STEPS))('%s does nothing', async (name) => {
    const before = await bench.tree('theirs');
    const requests = bench.org.ledger.count();
    workflowId = 'bulk-load/own';
    await expect((STEPS[name] as (typeof STEPS)[string])(bench.activities)).rejects.toMatchObject({
      type: 'CALLER_REFUSED',
      nonRetryable: true,
      message: expect.stringContaining('bulk-load/own') as string,
    });
    expect(await bench.tree('theirs')).toEqual(before);
    expect(bench.org.ledger.requests.slice(requests).filter(({ kind }) => kind !== 'describe')).toEqual([]);
  });
});

it('a load continues in its own folder, and in one without a claim', async () => {
  const { readPartSizes } = bench.activities;
  expect(await run(readPartSizes, { stageUri: stage.uri, from: 1 })).toMatchObject({ records: [2] });
  workflowId = 'bulk-load/own';
  const { uri: stageUri } = await bench.planAgain();
  expect(await run(readPartSizes, { stageUri, from: 1 })).toMatchObject({ records: [2] });
});

it('a check works in the folder that is named after it, and removes no other one', async () => {
  const before = await bench.tree('theirs');
  const check = (workUri: string): Promise<unknown> =>
    run(bench.activities.checkSource, planOf(workUri), { workflowType: 'checkLoad' });
  await expect(check(uri('theirs/run-1/'))).rejects.toMatchObject({ type: 'CALLER_REFUSED' });
  expect(await bench.tree('theirs')).toEqual(before);
  expect(await check(uri('theirs/run-d6170778/'))).toMatchObject({ value: { ok: true } });
});

describe('without an owner', () => {
  const restrict = async (outputPrefixes: string[]): Promise<Bench> => {
    await bench.close();
    bench = await openBench({}, (folder) => ({
      loadOf: () => Promise.resolve({ workflowId, runId: FIRST_RUN, firstRunId: FIRST_RUN }),
      allows: new Map([['default', { outputPrefixes: outputPrefixes.map((name) => folderUri(join(folder, name))) }]]),
      defaultOutput: folderUri(join(folder, 'results')),
    }));
    await bench.write(basename(fileURLToPath(bench.sourceUri)), SOURCE);
    return bench;
  };

  it('is not used for a plan if the connection permits other outputs only', async () => {
    await restrict(['allowed']);
    const planned = run(bench.activities.planLoad, planOf(uri('forbidden/run-1/')));
    await expect(planned).rejects.toMatchObject({ type: 'NOT_ALLOWED' });
  });

  it('is used for a plan if the connection permits it', async () => {
    await restrict(['allowed']);
    expect(await run(bench.activities.planLoad, planOf(uri('allowed/x/run-1/')))).toMatchObject({ value: {} });
  });
});

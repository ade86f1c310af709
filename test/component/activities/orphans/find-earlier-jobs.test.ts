/** Jobs of a load that no note records: which ones received a part, which did not, and which are undecided. */
import { rm, readFile, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EarlierJobs, FindEarlierJobsInput } from '../../../../src/protocol/activities/orphan-types.js';
import type { Stage } from '../../../../src/protocol/activities/plan-types.js';
import { sendJob } from '../../../helpers/send-job.js';
import { openBench } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const HEADER = 'Name,AnnualRevenue,Description\n';
/** Two parts of two rows each; the platform renders the numbers in its own way. */
const SOURCE = `${HEADER}A,1.50,"line 1\nline 2"\nB,2000000.10,b\nC,3.00,c\nD,4,d\n`;
const plan = (more = {}): Promise<Stage> =>
  bench.plan(SOURCE, { operation: 'insert', partMaxBytes: 75, ...more, ...NO_KEY });
const NO_KEY = { externalIdFieldName: undefined } as unknown as object;

const sent = (text: string): Promise<string> => sendJob(bench.org, text);
const ask = (stage: Stage, more: Partial<FindEarlierJobsInput> = {}): Promise<EarlierJobs> =>
  bench.findEarlier(stage, more);
const note = async (stage: Stage, part: number): Promise<unknown> =>
  JSON.parse(await readFile(fileURLToPath(`${stage.uri}part-0000${part}/job.json`), 'utf8'));

it('adopts the job whose rows are those of the part, in any order and rendering, and records those of other parts', async () => {
  const stage = await plan();
  expect(stage.sizes.records).toEqual([2, 2]);
  const second = await sent(`${HEADER}D,4,d\nC,3.00,c\n`);
  const first = await sent(`${HEADER}A,1.50,"line 1\nline 2"\nB,2000000.10,b\n`);
  expect(await ask(stage)).toEqual({ adopt: first, pending: [], unknown: [], open: false, allKnown: false });
  expect(await note(stage, 1)).toEqual({ jobId: first });
  expect(await note(stage, 2)).toEqual({ jobId: second });
  // From now on all of them are known.
  expect(await ask(stage)).toEqual({ pending: [], unknown: [], open: false, allKnown: true });
});

it('assigns one job to only one of two parts with the same rows', async () => {
  const rows = 'A,1,aaaaaaaaaaaa\nB,2,bbbbbbbbbbbbb\n';
  const stage = await bench.plan(HEADER + rows + rows, { operation: 'insert', partMaxBytes: 75, ...NO_KEY });
  expect(stage.sizes.records).toEqual([2, 2]);
  const job = await sent(HEADER + rows);
  expect(await ask(stage, { part: 2 })).toMatchObject({ adopt: job });
  expect(await ask(stage, { part: 1 })).toEqual({ pending: [], unknown: [], open: false, allKnown: true });
});

it('asks a person about a job with as many rows but other values, and remembers the answer', async () => {
  const stage = await plan();
  const job = await sent(`${HEADER}A,1.50,"line 1\nline 2"\nB,2000000.10,other\n`);
  expect(await ask(stage)).toEqual({ pending: [], unknown: [job], open: false, allKnown: false });
  expect(await ask(stage, { notOurs: [job] })).toEqual({ pending: [], unknown: [], open: false, allKnown: true });
  expect(await ask(stage)).toEqual({ pending: [], unknown: [], open: false, allKnown: true });
});

it('leaves jobs alone that certainly have other rows, and reports that not all are known', async () => {
  const stage = await plan();
  await sent(`${HEADER}X,1,x\n`);
  expect(await ask(stage)).toEqual({ pending: [], unknown: [], open: false, allKnown: false });
  const keyed = await bench.plan('External_Id__c,Name\nA,a\nB,b\n', { operation: 'insert' });
  await sent('External_Id__c,Name\nC,a\nD,b\n');
  expect(await ask(keyed)).toMatchObject({ pending: [], unknown: [] });
});

it('asks a person about a job with the same keys but other values', async () => {
  const stage = await bench.plan('External_Id__c,Name\nA,a\nB,b\n', { operation: 'insert' });
  const job = await sent('External_Id__c,Name\nB,b\nA,other\n');
  expect(await ask(stage)).toMatchObject({ unknown: [job] });
});

it('waits for a running job, and ignores older, foreign and Open ones', async () => {
  const stage = await plan();
  const before = await sent(`${HEADER}A,1.50,"line 1\nline 2"\nB,2000000.10,b\n`);
  expect(await ask(stage, { since: Date.now() + 60_000 })).toEqual({
    pending: [],
    unknown: [],
    open: false,
    allKnown: true,
  });
  expect(await ask(stage, { createdById: '005000000000000AAA' })).toEqual({
    pending: [],
    unknown: [],
    open: false,
    allKnown: true,
  });
  expect(await ask(stage, { ours: [before] })).toEqual({ pending: [], unknown: [], open: false, allKnown: true });
  await bench.createJob();
  expect(await ask(stage, { operation: 'upsert', ours: [before] })).toMatchObject({
    unknown: [],
    open: true,
    allKnown: true,
  });
});

it('replaces an incomplete note of a killed worker', async () => {
  const stage = await plan();
  const job = await sent(`${HEADER}A,1.50,"line 1\nline 2"\nB,2000000.10,b\n`);
  expect(await ask(stage)).toMatchObject({ adopt: job });
  await rm(fileURLToPath(`${stage.uri}part-00001`), { recursive: true });
  expect(await ask(stage)).toMatchObject({ adopt: job });
  await mkdir(fileURLToPath(`${stage.uri}part-00001`), { recursive: true });
  await writeFile(fileURLToPath(`${stage.uri}part-00001/job.json`), '{"job');
  expect(await ask(stage)).toMatchObject({ adopt: job });
});

it('adopts a job only once, without asking a person, when several parts ask at the same time', async () => {
  const stage = await plan();
  const first = await sent(`${HEADER}A,1.50,"line 1\nline 2"\nB,2000000.10,b\n`);
  const second = await sent(`${HEADER}D,4,d\nC,3.00,c\n`);
  for (let time = 0; time < 5; time++) {
    const [one, two] = await Promise.all([ask(stage), ask(stage, { part: 2 })]);
    // A later one may find its own note.
    for (const [found, job] of [
      [one, first],
      [two, second],
    ] as const) {
      expect([job, undefined]).toContain(found.adopt);
      expect(found.unknown).toEqual([]);
    }
    expect([await note(stage, 1), await note(stage, 2)]).toEqual([{ jobId: first }, { jobId: second }]);
    await rm(fileURLToPath(`${stage.uri}part-00001`), { recursive: true });
    await rm(fileURLToPath(`${stage.uri}part-00002`), { recursive: true });
  }
});

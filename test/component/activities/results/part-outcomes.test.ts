/** Outcomes of parts in files: equivalent to those in a step's input, whatever files are left from before a reset. */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordParts, readPartSizes, unsettledParts } from '../../../../src/activities/results/part-outcomes.js';
import type { ActivityDependencies } from '../../../../src/activities/dependencies.js';
import type { WriteReportInput, WrittenFiles } from '../../../../src/protocol/activities/report-types.js';
import type { EndedStage, NotePartsInput, PartOutcome } from '../../../../src/protocol/activities/ended-parts.js';
import { writeReport } from '../../../../src/activities/results/write-report.js';
import type { BulkLoadResult, JobSummary } from '../../../../src/contract/load-result.js';
import { partFolder } from '../../../../src/domain/result-layout.js';
import { FileRoots } from '../../../../src/storage/files/file-roots.js';
import { folderUri } from '../../../../src/storage/locations.js';
import { openBench, quietEnvironment } from '../../../helpers/activity-harness.js';

let folder: string;
let dependencies: ActivityDependencies;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-ended-')));
  dependencies = { roots: await FileRoots.open([folder]) } as unknown as ActivityDependencies;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const outcome = (part: number, more: Partial<PartOutcome> = {}): PartOutcome => ({
  ...{ part, kind: 'loaded', missing: 0 },
  counts: { succeeded: 1, failed: 0, failedForGood: 0, unprocessed: 0 },
  ...more,
});
const FAILED = { counts: { succeeded: 0, failed: 1, failedForGood: 1, unprocessed: 0 } };
const job = (id: string): JobSummary => ({
  ...{ id, operation: 'insert', state: 'JobComplete', records: 1, failed: 0, polls: 1 },
});
async function note(input: Omit<NotePartsInput, 'stageUri'>, stage = 'work/first'): Promise<void> {
  await mkdir(at(stage), { recursive: true });
  await quietEnvironment().run(recordParts(dependencies), { stageUri: folderUri(at(stage)), ...input });
}

it("are not reported as unsent if an upload's note records a job that the load does not know", async () => {
  for (const [part, jobId] of [
    [1, '750000000000001AAA'],
    [2, '750000000000002AAA'],
    [4, '750000000000004AAA'],
  ] as const) {
    await mkdir(at(`work/first/${partFolder(part)}`), { recursive: true });
    await writeFile(at(`work/first/${partFolder(part)}/job.json`), JSON.stringify({ jobId }));
  }
  const parts = Array.from({ length: 4 }, () => ({ start: 0, end: 1, records: 1, crc: 0 }));
  const { outcomes, unknownJobs } = await unsettledParts(
    at('work/first'),
    { parts },
    {
      // It knows that the job of part 1 was aborted; it was reset before it learned of the others.
      outcomes: [outcome(1, { kind: 'notStarted' }), outcome(2, { kind: 'notStarted' })],
      jobs: [{ ...job('750000000000001AAA'), state: 'Aborted' }],
      notStartedFrom: 3,
    },
  );
  expect(outcomes.map(({ part, kind }) => `${part} ${kind}`)).toEqual([
    '1 notStarted',
    '2 lost',
    '3 notStarted',
    '4 lost',
  ]);
  expect(unknownJobs).toEqual(['750000000000002AAA', '750000000000004AAA']);
});

it('are sorted by when the parts ended, in files or not, and parts that never began come last', async () => {
  await note({ file: 1, outcomes: [outcome(2, FAILED), outcome(1)], jobs: [] });
  await note({ file: 2, outcomes: [outcome(9, FAILED)], jobs: [] });
  // A run that was reset had come further.
  await note({ file: 3, outcomes: [outcome(7, FAILED)], jobs: [] });
  await note({ file: 2, outcomes: [outcome(3, { kind: 'lost' })], jobs: [] });
  const parts = Array.from({ length: 6 }, () => ({ start: 0, end: 1, records: 1, crc: 0 }));
  const { outcomes: found } = await unsettledParts(
    at('work/first'),
    { parts },
    { noted: 2, outcomes: [outcome(4)], notStartedFrom: 5 },
  );
  expect(found.map(({ part, kind }) => `${part} ${kind}`)).toEqual([
    '2 loaded',
    '3 lost',
    '5 notStarted',
    '6 notStarted',
  ]);
});

it('are all in the report, and the result names the first ones', async () => {
  await note({ file: 1, outcomes: [outcome(1), outcome(2, FAILED)], jobs: [job('a'), job('b')] });
  await mkdir(at('work/round-1'));
  await writeFile(at('work/first/done.csv'), 'sf__Id,sf__Created,Id\n');
  const uri = (name: string): string => pathToFileURL(at(name)).href;
  const ended: EndedStage[] = [
    {
      uri: uri('work/first/'),
      noted: 1,
      outcomes: [outcome(3)],
      jobs: [job('c')],
      alreadyDone: uri('work/first/done.csv'),
    },
    { uri: uri('work/round-1/'), noted: 0, outcomes: [outcome(1)], jobs: [job('d')] },
  ];
  const report = {
    ...{ loadId: 'x', workflowId: 'bulk-load/x', runId: 'run-1', state: 'Completed', jobs: [job('d')], jobsTotal: 4 },
    ...{
      records: { total: 3, succeeded: 3, rejected: 0, unprocessed: 0, unaccounted: 0 },
      retry: { rounds: 0, recovered: 0, rerendered: 0 },
      files: { succeeded: ['x'] },
    },
  } as unknown as BulkLoadResult;
  const input: WriteReportInput = {
    ...{ outputUri: folderUri(at('.')), workUri: folderUri(at('work')), ended, report },
    ...{ rejected: [], unprocessed: [], changes: [] },
  };
  const files = (await quietEnvironment().run(writeReport(dependencies), input)) as WrittenFiles;
  expect(files.succeeded).toEqual(['x']);
  const written = JSON.parse(await readFile(fileURLToPath(files.report ?? ''), 'utf8')) as BulkLoadResult;
  expect(written.jobs?.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  expect(written.files.succeeded).toEqual([
    uri('work/first/part-00001/succeeded.csv'),
    uri('work/first/part-00003/succeeded.csv'),
    uri('work/first/done.csv'),
    uri('work/round-1/part-00001/succeeded.csv'),
  ]);
});

it('sizes of parts come from the plan in batches, also when another plan has replaced it', async () => {
  const bench = await openBench();
  try {
    const rows = (count: number): string =>
      `External_Id__c,Name\n${Array.from({ length: count }, (_, n) => `A-${n},${'x'.repeat(900)}\n`).join('')}`;
    const stage = await bench.plan(rows(700), { partMaxBytes: 1_000 });
    expect(stage).toMatchObject({ parts: 700, sizes: { from: 1, records: Array<number>(500).fill(1) } });
    const roots = await FileRoots.open([fileURLToPath(new URL('../../', stage.uri))]);
    const read = (from: number): Promise<unknown> =>
      quietEnvironment().run(readPartSizes({ roots } as unknown as ActivityDependencies), {
        stageUri: stage.uri,
        from,
      });
    expect(await read(501)).toEqual({ from: 501, records: Array<number>(200).fill(1) });
    await bench.plan(rows(502), { partMaxBytes: 1_000 });
    expect(await read(501)).toEqual({ from: 501, records: [1, 1] });
  } finally {
    await bench.close();
  }
});

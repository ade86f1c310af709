/** One job, one upload; one part, one job: also after kills, terminations, resets and changes. */
import { stat, utimes, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const SOURCE = 'External_Id__c,Name\nA,first\nB,second\n';

function uploads(jobId: string): number | undefined {
  return bench.org.jobs().find(({ settings }) => settings.id === jobId)?.uploads;
}

it('sends a part to one job only; a later run learns which', async () => {
  const stage = await bench.plan(SOURCE);
  const [first, later] = [await bench.createJob(), await bench.createJob()];
  expect(await bench.upload(stage, first)).toMatchObject({ records: 2 });
  expect(await bench.upload(stage, later)).toEqual({ sentBefore: first });
  expect([uploads(first), uploads(later)]).toEqual([1, 0]);
});

it('does not upload to a job again, even when the step is reset', async () => {
  const stage = await bench.plan(SOURCE);
  const job = await bench.createJob();
  await bench.upload(stage, job);
  await expect(bench.upload(stage, job)).rejects.toMatchObject({ type: 'UPLOAD_INTERRUPTED', nonRetryable: false });
  expect(uploads(job)).toBe(1);
});

it('sends to another job once the earlier ones are abandoned', async () => {
  const stage = await bench.plan(SOURCE);
  const [first, second] = [await bench.createJob(), await bench.createJob()];
  await bench.upload(stage, first);
  expect(await bench.upload(stage, second, [first])).toMatchObject({ records: 2 });
  expect(uploads(second)).toBe(1);
});

it('stores nothing of a source whose content changed but not its size and time', async () => {
  const stage = await bench.plan(SOURCE);
  const path = fileURLToPath(new URL('../../source.csv', stage.uri));
  const { atime, mtime } = await stat(path);
  await writeFile(path, SOURCE.replace('second', 'SECOND'));
  await utimes(path, atime, mtime);
  const job = await bench.createJob();
  await expect(bench.upload(stage, job)).rejects.toMatchObject({ type: 'SOURCE_CHANGED', nonRetryable: true });
  expect(uploads(job)).toBe(0);
});

it('keeps a plan over a reset, and refuses a source that changed since', async () => {
  const stage = await bench.plan(SOURCE);
  const requests = bench.org.ledger.count();
  expect(await bench.planAgain()).toEqual(stage);
  expect(bench.org.ledger.count()).toBe(requests);
  await bench.write('source.csv', `${SOURCE}C,third\n`);
  await expect(bench.planAgain()).rejects.toMatchObject({ type: 'SOURCE_CHANGED' });
});

it('waits with a specific code when the folder came back without the files of the load', async () => {
  const stage = await bench.plan(SOURCE);
  const job = await bench.createJob();
  const kept = await bench.read('work/first/plan.json');
  await bench.remove('work');
  const [first, again] = await Promise.all(
    [1, 2].map(() => bench.upload(stage, job).then(String, (error: { message: string }) => error)),
  );
  expect(first).toMatchObject({ type: 'WORK_FILES_MISSING', nonRetryable: false });
  // Reported once: the text stays the same.
  expect(first).toMatchObject({ message: (again as { message: string }).message });
  const notes = run(bench.activities.recordParts, { stageUri: stage.uri, file: 1, outcomes: [], jobs: [] });
  await expect(notes).rejects.toMatchObject({ type: 'WORK_FILES_MISSING', message: (again as Error).message });
  expect(uploads(job)).toBe(0);
  await bench.write('work/first/plan.json', kept);
  expect(await bench.upload(stage, job)).toMatchObject({ records: 2 });
});

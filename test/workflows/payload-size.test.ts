/** What enters a history stays small, however many parts a load has. */
import { expect, it } from 'vitest';
import type { JobSummary } from '../../src/contract.js';
import { sizesFrom } from '../../src/activities/stage.js';
import type { EndedStage, LostCreate, NotePartsInput, PartOutcome, Stage } from '../../src/activities/types.js';
import { buildResult } from '../../src/workflows/books.js';
import { enterLost } from '../../src/workflows/job-run.js';
import { enterCorrected, enterJob, enterRetry, newLoad } from '../../src/workflows/load-run.js';
import type { LoadRun, RetryResult } from '../../src/workflows/load-run.js';
import { newEnded, noteEnded } from '../../src/workflows/noted-parts.js';

const PARTS = 20_000;
const FOLDER = 'file:///data/nightload-results/Account-insert-0123456789abcdef/run-01234567/';
const plan = {
  parts: Array.from({ length: PARTS }, (_, n) => ({ start: n * 900, end: n * 900 + 900, records: 1, crc: n })),
};
const stageOf = (name: string): Stage => ({
  uri: `${FOLDER}${name}/`,
  groups: [{ operation: 'insert', firstPart: 1, lastPart: PARTS }],
  parts: PARTS,
  sizes: sizesFrom(plan, 1),
  records: PARTS,
  columnDelimiter: 'COMMA',
  lineEnding: 'LF',
});
const outcomeOf = (part: number): PartOutcome => ({
  part,
  kind: 'loaded',
  counts:
    part % 3 === 0
      ? { succeeded: 0, failed: 1, failedForGood: 1, unprocessed: 0 }
      : { succeeded: 1, failed: 0, failedForGood: 0, unprocessed: 0 },
  missing: 0,
});
const jobOf = (part: number): JobSummary => ({
  id: `750${String(part).padStart(15, '0')}`,
  operation: 'insert',
  state: 'JobComplete',
  records: 1,
  failed: part % 3 === 0 ? 1 : 0,
  polls: 2,
});
const bytes = (value: unknown): number => JSON.stringify(value).length;

/** Instead of files. */
class Notes {
  largest = 0;
  readonly #parts: number[] = [];
  readonly #names = new Set<string>();
  readonly noteParts = {
    executeWithOptions: (_options: object, [input]: [NotePartsInput]): Promise<void> => {
      this.largest = Math.max(this.largest, bytes(input));
      this.#names.add(`${input.stageUri}${input.file}`);
      this.#parts.push(...input.outcomes.map(({ part }) => part));
      return Promise.resolve();
    },
  };

  /** Numbers of the parts in all files, each file once, and of those that are not in one. */
  all(ended: readonly EndedStage[]): number[] {
    expect(this.#names.size).toBe(ended.reduce((sum, { noted }) => sum + noted, 0));
    return [...this.#parts, ...ended.flatMap(({ outcomes }) => outcomes.map(({ part }) => part))];
  }
}

type Steps = Parameters<typeof noteEnded>[1];

async function loaded(notes: Notes, check: (run: LoadRun) => void = () => undefined): Promise<LoadRun> {
  const stage = stageOf('first');
  const run: LoadRun = { ...newLoad(), stage, ended: [newEnded(stage.uri)] };
  run.books.total = PARTS;
  for (let part = 1; part <= PARTS; part++) {
    run.next = part + 1;
    stage.sizes = part % 500 === 0 ? sizesFrom(plan, part + 1) : stage.sizes;
    enterJob(run, stage, {
      ...{ outcome: outcomeOf(part), jobs: [jobOf(part)], apiRequests: 8, filesAgree: true, canceled: false },
      lost: { creates: [] },
    });
    await noteEnded(run.ended, notes as unknown as Steps);
    if (part % 997 === 0) check(run);
  }
  return run;
}

it('of the load itself: what it carries over a continue-as-new', async () => {
  const notes = new Notes();
  const run = await loaded(notes, (now) => expect(bytes(now)).toBeLessThan(150_000));
  expect(bytes(run)).toBeLessThan(150_000);
  expect(notes.largest).toBeLessThan(60_000);
  // Nothing is lost on the way.
  expect(notes.all(run.ended)).toEqual(Array.from({ length: PARTS }, (_, index) => index + 1));
  expect(run.books).toMatchObject({ jobsTotal: PARTS, seen: PARTS });
});

it('of its result, its memo, and what it answers', async () => {
  const run = await loaded(new Notes());
  const head = { loadId: 'x', workflowId: 'bulk-load/x', runId: 'r', object: 'Account', operation: 'insert' } as const;
  const result = buildResult(
    head,
    run.books,
    { canceled: false, error: undefined },
    { succeeded: run.files.succeeded },
  );
  expect(result.files.succeeded).toHaveLength(200);
  expect(result.jobs).toHaveLength(200);
  expect(result.jobs?.every(({ failed }) => failed === 1)).toBe(true);
  expect(result.jobsTotal).toBe(PARTS);
  expect(bytes(result)).toBeLessThan(80_000);
});

it('of a retry and of corrections, each with as many parts', async () => {
  const notes = new Notes();
  const run = await loaded(notes);
  for (const [index, name] of ['round-1', 'correct-1', 'correct-2'].entries()) {
    const again = await loaded(new Notes());
    const result: RetryResult = {
      books: again.books,
      files: again.files,
      ended: again.ended.map((stage) => ({ ...stage, uri: stageOf(name).uri })),
      ...{ canceled: false, lost: { creates: [] } },
    };
    expect(bytes(result)).toBeLessThan(150_000);
    (index === 0 ? enterRetry : enterCorrected)(run, result);
    await noteEnded(run.ended, notes as unknown as Steps);
  }
  expect(bytes(run)).toBeLessThan(150_000);
  expect(run.books.jobsTotal).toBe(4 * PARTS);
  expect(run.files.succeeded).toHaveLength(200);
});

it('of what the planning gives: sizes of the next parts only', () => {
  expect(bytes(stageOf('first'))).toBeLessThan(5_000);
  expect(sizesFrom(plan, 19_900)).toEqual({ from: 19_900, records: Array<number>(101).fill(1) });
});

it('of creates whose answers were lost: those near each other become one span, which counts for all of them', () => {
  const creates: LostCreate[] = [];
  for (let n = 0; n < 5_000; n++) enterLost({ creates }, { creates: [{ from: n * 1_000, to: n * 1_000 + 100 }] });
  expect(creates.length).toBeLessThanOrEqual(100);
  expect(creates.reduce((sum, { creates: count = 1 }) => sum + count, 0)).toBe(5_000);
  for (let n = 0; n < 5_000; n++) {
    expect(creates.some(({ from, to }) => from <= n * 1_000 && to >= n * 1_000 + 100)).toBe(true);
  }
});

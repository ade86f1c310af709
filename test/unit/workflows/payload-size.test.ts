/** Data in a history stays small, however many parts a load has. */
import { expect, it } from 'vitest';
import type { JobSummary } from '../../../src/contract/load-result.js';
import { sizesFrom } from '../../../src/activities/stage/stage-plan.js';
import type { EndedStage, NotePartsInput, PartOutcome } from '../../../src/protocol/activities/ended-parts.js';
import type { Stage } from '../../../src/protocol/activities/plan-types.js';
import type { LostJobs } from '../../../src/workflows/job/job-state.js';
import { buildResult } from '../../../src/workflows/load/tally.js';
import { enterLost } from '../../../src/workflows/job/job-state.js';
import { enterCorrected, enterJob, enterRetry, emptyState } from '../../../src/workflows/load/load-state.js';
import type { CarriedState } from '../../../src/workflows/load/load-state.js';
import type { RetryResult } from '../../../src/workflows/retry/retry-state.js';
import { newEndedStage, moveEndedToFiles } from '../../../src/workflows/support/ended-part-files.js';

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
  readonly recordParts = {
    executeWithOptions: (_options: object, [input]: [NotePartsInput]): Promise<void> => {
      this.largest = Math.max(this.largest, bytes(input));
      this.#names.add(`${input.stageUri}${input.file}`);
      this.#parts.push(...input.outcomes.map(({ part }) => part));
      return Promise.resolve();
    },
  };

  /** Numbers of the parts in all files, each file once, and of those that are in none. */
  all(ended: readonly EndedStage[]): number[] {
    expect(this.#names.size).toBe(ended.reduce((sum, { noted }) => sum + noted, 0));
    return [...this.#parts, ...ended.flatMap(({ outcomes }) => outcomes.map(({ part }) => part))];
  }
}

type Steps = Parameters<typeof moveEndedToFiles>[1];

async function loaded(notes: Notes, check: (run: CarriedState) => void = () => undefined): Promise<CarriedState> {
  const stage = stageOf('first');
  const run: CarriedState = { ...emptyState(), stage, ended: [newEndedStage(stage.uri)] };
  run.tally.total = PARTS;
  for (let part = 1; part <= PARTS; part++) {
    run.next = part + 1;
    stage.sizes = part % 500 === 0 ? sizesFrom(plan, part + 1) : stage.sizes;
    enterJob(run, stage, {
      ...{ outcome: outcomeOf(part), jobs: [jobOf(part)], apiRequests: 8, filesAgree: true, canceled: false },
      lost: { creates: [] },
    });
    await moveEndedToFiles(run.ended, notes as unknown as Steps);
    if (part % 997 === 0) check(run);
  }
  return run;
}

it('of the load itself: its state over a continue-as-new', async () => {
  const notes = new Notes();
  const run = await loaded(notes, (now) => expect(bytes(now)).toBeLessThan(150_000));
  expect(bytes(run)).toBeLessThan(150_000);
  expect(notes.largest).toBeLessThan(60_000);
  // Nothing is lost.
  expect(notes.all(run.ended)).toEqual(Array.from({ length: PARTS }, (_, index) => index + 1));
  expect(run.tally).toMatchObject({ jobsTotal: PARTS, seen: PARTS });
});

it('of its result, its memo, and its query replies', async () => {
  const run = await loaded(new Notes());
  const head = { loadId: 'x', workflowId: 'bulk-load/x', runId: 'r', object: 'Account', operation: 'insert' } as const;
  const result = buildResult(head, run.tally, {
    canceled: false,
    error: undefined,
    files: { succeeded: run.files.succeeded },
  });
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
      tally: again.tally,
      files: again.files,
      ended: again.ended.map((stage) => ({ ...stage, uri: stageOf(name).uri })),
      ...{ canceled: false, lost: { creates: [] } },
    };
    expect(bytes(result)).toBeLessThan(150_000);
    (index === 0 ? enterRetry : enterCorrected)(run, result);
    await moveEndedToFiles(run.ended, notes as unknown as Steps);
  }
  expect(bytes(run)).toBeLessThan(150_000);
  expect(run.tally.jobsTotal).toBe(4 * PARTS);
  expect(run.files.succeeded).toHaveLength(200);
});

it('of the plan: only sizes of the next parts', () => {
  expect(bytes(stageOf('first'))).toBeLessThan(5_000);
  expect(sizesFrom(plan, 19_900)).toEqual({ from: 19_900, records: Array<number>(101).fill(1) });
});

it('of creates with lost replies: adjacent ones are merged into one span', () => {
  const lost: LostJobs = { creates: [] };
  for (let n = 0; n < 5_000; n++) enterLost(lost, { creates: [{ from: n * 1_000, to: n * 1_000 + 100 }] });
  const { creates } = lost;
  expect(creates.length).toBeLessThanOrEqual(100);
  expect(creates.reduce((sum, { creates: count = 1 }) => sum + count, 0)).toBe(5_000);
  for (let n = 0; n < 5_000; n++) {
    expect(creates.some(({ from, to }) => from <= n * 1_000 && to >= n * 1_000 + 100)).toBe(true);
  }
});

/** State of a `bulkLoad`: plain data, small enough to be carried over a continue-as-new. */
import { MAX_LISTED_FILES } from '../contract.js';
import type { LoadError, LoadPhase, Operation, PartProgress, SearchAttributeName } from '../contract.js';
import type { EndedStage, Evidence, LocatedSource, OrgRef, PartOutcome, Stage } from '../activities/types.js';
import { partFolder, SUCCEEDED_FILE } from '../layout.js';
import { isExceptional } from '../part-outcome.js';
import { stopError } from '../csv/row-errors.js';
import { enterJobs, enterPart, openBooks } from './books.js';
import type { Books } from './books.js';
import type { LoadSettings, PollPlan, RetryPlan } from './input.js';
import { enterEvidence, enterLost } from './job-run.js';
import type { IngestJobResult, LostJobs } from './job-run.js';

export interface LoadRun {
  phase: LoadPhase;
  books: Books;
  located?: LocatedSource;
  org?: OrgRef;
  stage?: Stage;
  /** As the org spells it. */
  object?: string;
  /** Workflow time until which all jobs of the load are known, and at which that became doubtful. */
  soundAt?: number;
  doubtAt?: number;
  /** Workflow time at which the first part was started. */
  loadingSince?: number;
  /** The next part to start. */
  next: number;
  /** What became of the parts: of the first pass, then of each round and each file of corrections. */
  ended: EndedStage[];
  /** What is left of the first pass. */
  left: LeftOver;
  /** Parts of the first pass that ended, as far as they are shown. */
  shown: PartProgress[];
  /** `file:` URIs; of those with rows that landed the first ones, of all others each. */
  files: { succeeded: string[]; rejected: string[]; unprocessed: string[]; changes: string[] };
  /** What did not land has been sorted into rejected and unprocessed. */
  sorted: boolean;
  error?: LoadError;
  /** Of the first job that failed as a whole and whose rows have not been sent again. */
  failedWhole?: LoadError;
  canceled: boolean;
  /** Outlives a run, as a signal does not. */
  paused?: boolean;
  lost: LostJobs;
  /** Jobs that may be Open and are not certainly ours. */
  openJobs: string[];
  warnings: string[];
  /** Files of corrections that were taken or refused. */
  corrections: number;
  /** Workflow time at which the load no longer waits for corrections. */
  holdUntil?: number;
}

/** Rows of the first pass that did not simply land, summed up over its parts. */
export interface LeftOver {
  /** Parts of which something has to be sorted. */
  parts: number;
  /** Of parts with results: rows that failed, and those of them that may pass unchanged. */
  failed: number;
  passing: number;
  /** Those of jobs that failed as a whole, and may be sent again, too. */
  unprocessed: number;
  /** Rows that no result file names. */
  missing: number;
  /** Parts whose result files name more or fewer rows than were sent. */
  odd: number;
}

export function nothingLeft(): LeftOver {
  return { parts: 0, failed: 0, passing: 0, unprocessed: 0, missing: 0, odd: 0 };
}

export function enterLeft(left: LeftOver, outcome: PartOutcome): void {
  const { kind, counts, missing } = outcome;
  if (!isExceptional(outcome)) return;
  left.parts++;
  if (missing !== 0) left.odd++;
  left.unprocessed += counts.unprocessed;
  if (kind !== 'loaded') return;
  left.failed += counts.failed;
  left.passing += counts.failed - counts.failedForGood;
  left.missing += Math.max(0, missing);
}

export function newLoad(): LoadRun {
  return {
    phase: 'preparing',
    books: openBooks(),
    next: 1,
    ended: [],
    left: nothingLeft(),
    shown: [],
    files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
    sorted: false,
    canceled: false,
    lost: { creates: [] },
    openJobs: [],
    warnings: [],
    corrections: 0,
  };
}

/** What a child must know of it to find jobs that nobody knows. */
export function evidenceFor({ located, soundAt = 0, doubtAt }: LoadRun, load: string): Evidence {
  return {
    load,
    workUri: (located as LocatedSource).workUri,
    soundAt,
    ...(doubtAt !== undefined && { doubtAt }),
  };
}

/** What `retryFailedRows` is started with. */
export interface RetryInput extends OrgRef {
  stage: Stage;
  /** How its parts ended, unless its rows were not sent yet. */
  ended?: EndedStage;
  workUri: string;
  object: string;
  operation: Operation;
  assignmentRuleId?: string;
  filesQueue: string;
  partMaxBytes: number;
  poll: PollPlan;
  jobTimeoutMs: number;
  outageMs: number;
  /** @default 3 */
  priority?: number;
  retry: RetryPlan;
  /** Why whole parts of the stage did not land, where they may land yet. */
  failedWhole?: LoadError;
  /** No job is started until the signal `resume`. */
  paused: boolean;
  searchAttributes: SearchAttributeName[];
  evidence: Evidence;
}

export interface RetryResult {
  /** What the retry adds to the books of the load; `total` and `seen` stay 0. */
  books: Books;
  files: LoadRun['files'];
  /** The stages that it sent. */
  ended: EndedStage[];
  /** Of the stage that it was given to sort. */
  alreadyDone?: string;
  canceled: boolean;
  lost: LostJobs;
  soundAt?: number;
  doubtAt?: number;
  warnings?: string[];
  error?: LoadError;
}

/** `file:` URI of a part's succeeded rows. */
export function succeededUri(stage: Stage, part: number): string {
  return `${stage.uri}${partFolder(part)}/${SUCCEEDED_FILE}`;
}

/** Lists a file with rows that landed, while there is room. */
export function listSucceeded(files: LoadRun['files'], ...uris: string[]): void {
  files.succeeded.push(...uris.slice(0, MAX_LISTED_FILES - files.succeeded.length));
}

/** Parts say the same: more than a few different ones nobody reads. */
const MAX_WARNINGS = 20;

/** Enters what a person should know although the parts went well. */
export function enterWarnings(warnings: string[], more: readonly string[] = []): void {
  for (const warning of more) {
    if (!warnings.includes(warning) && warnings.length < MAX_WARNINGS) warnings.push(warning);
  }
}

/** Enters what a job of the first pass came to. */
export function enterJob(run: LoadRun, stage: Stage, result: IngestJobResult): void {
  const { outcome } = result;
  const [ended] = run.ended;
  ended?.outcomes.push(outcome);
  ended?.jobs.push(...result.jobs);
  enterPart(run.books, outcome);
  enterJobs(run.books, result.jobs);
  enterLeft(run.left, outcome);
  enterShown(run, stage, outcome);
  run.books.apiRequests += result.apiRequests;
  if (!result.filesAgree) run.books.disagreeing++;
  if (outcome.counts.succeeded > 0) listSucceeded(run.files, succeededUri(stage, outcome.part));
  // Every further part would fail in the same way.
  if (outcome.counts.stop !== undefined) run.error ??= stopError(outcome.counts.stop);
  enterWarnings(run.warnings, result.warnings);
  enterLost(run.lost, result.lost);
  enterEvidence(run, result);
  if (result.failedWhole !== undefined) run.failedWhole ??= result.failedWhole;
  if (result.error !== undefined) run.error ??= result.error;
}

/** Enters what the retry came to: what did not land of the first pass has been sorted by it. */
export function enterRetry(run: LoadRun, result: RetryResult): void {
  delete run.failedWhole;
  run.books.unprocessed = 0;
  const [first] = run.ended;
  if (first !== undefined && result.alreadyDone !== undefined) first.alreadyDone = result.alreadyDone;
  enterCorrected(run, result);
  run.sorted = true;
}

/** Enters what became of rows that were rejected and came back corrected. */
export function enterCorrected(run: LoadRun, result: RetryResult): void {
  const { books } = run;
  const more = result.books;
  books.succeeded += more.succeeded;
  books.rejected += more.rejected;
  books.unprocessed += more.unprocessed;
  books.recovered += more.recovered;
  books.rerendered += more.rerendered;
  books.rounds += more.rounds;
  books.disagreeing += more.disagreeing;
  enterJobs(books, more.jobs, more.jobsTotal);
  books.apiRequests += more.apiRequests;
  run.ended.push(...result.ended);
  listSucceeded(run.files, ...result.files.succeeded);
  run.files.rejected.push(...result.files.rejected);
  run.files.unprocessed.push(...result.files.unprocessed);
  run.files.changes.push(...result.files.changes);
  enterWarnings(run.warnings, result.warnings);
  enterLost(run.lost, result.lost);
  enterEvidence(run, result);
  if (result.error !== undefined) run.error ??= result.error;
}

/** Rows of the first pass that a retry may bring home. */
export function mayRetry({ left, books }: LoadRun, operation: string, { retry }: Pick<LoadSettings, 'retry'>): boolean {
  // An insert whose files are not trusted could be applied twice.
  if (operation === 'insert' && (books.disagreeing > 0 || left.odd > 0)) return false;
  const failed = retry.fixes.length > 0 ? left.failed : left.passing;
  return failed + left.unprocessed > 0 || (left.missing > 0 && operation !== 'insert');
}

/** Most parts that the `progress` query lists. */
export const MAX_SHOWN_PARTS = 200;

/** Keeps a part that ended for those who ask; one in trouble takes the place of one that landed. */
function enterShown({ shown }: LoadRun, stage: Stage, outcome: PartOutcome): void {
  const { part: n, kind, counts } = outcome;
  const isGood = (part: Pick<PartProgress, 'phase' | 'failed'>): boolean => part.phase === 'done' && part.failed === 0;
  const part: PartProgress = {
    n,
    phase: kind === 'loaded' ? 'done' : 'failed',
    processed: counts.succeeded + counts.failed,
    failed: counts.failed,
    total: recordsOf(stage, n),
  };
  if (shown.length < MAX_SHOWN_PARTS) shown.push(part);
  else if (!isGood(part)) {
    const place = shown.findLastIndex(isGood);
    if (place !== -1) shown[place] = part;
  }
}

/** Records of a part, while its size is known. */
export function recordsOf({ sizes }: Stage, part: number): number {
  return sizes.records[part - sizes.from] ?? 0;
}

/** Whether the size of a part is known, or must be read from the plan first. */
export function knowsSizeOf({ sizes }: Stage, part: number): boolean {
  return part >= sizes.from && part < sizes.from + sizes.records.length;
}

/** Parts as the `progress` query shows them: the running ones, then those that ended, then those that wait. */
export function showParts(run: LoadRun, running: ReadonlyMap<number, PartProgress>): PartProgress[] {
  const shown = [...running.values(), ...run.shown].slice(0, MAX_SHOWN_PARTS);
  const { stage } = run;
  if (stage !== undefined) {
    for (let n = run.next; shown.length < MAX_SHOWN_PARTS && n <= stage.parts && knowsSizeOf(stage, n); n++) {
      shown.push({ n, phase: 'waiting', processed: 0, failed: 0, total: recordsOf(stage, n) });
    }
  }
  return shown.sort((a, b) => a.n - b.n);
}

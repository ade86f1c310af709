/** State of a `bulkLoad`: plain data, small enough to be carried over a continue-as-new. */
import type { LoadError, LoadPhase, Operation, PartProgress, SearchAttributeName } from '../contract.js';
import type { LocatedSource, OrgRef, PartOutcome, Stage } from '../activities/types.js';
import { partFolder, SUCCEEDED_FILE } from '../layout.js';
import { stopError } from '../csv/row-errors.js';
import { enterPart, openBooks } from './books.js';
import type { Books } from './books.js';
import type { LoadSettings, PollPlan, RetryPlan } from './input.js';
import { enterLost } from './job-run.js';
import type { IngestJobResult, LostJobs } from './job-run.js';

export interface LoadRun {
  phase: LoadPhase;
  books: Books;
  located?: LocatedSource;
  org?: OrgRef;
  stage?: Stage;
  /** As the org spells it. */
  object?: string;
  /** Workflow time at which the first part was started. */
  loadingSince?: number;
  /** The next part to start. */
  next: number;
  /** Parts that did not simply land. */
  outcomes: PartOutcome[];
  /** `file:` URIs. */
  files: { succeeded: string[]; rejected: string[]; unprocessed: string[]; changes: string[] };
  /** What did not land has been sorted into rejected and unprocessed. */
  sorted: boolean;
  error?: LoadError;
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

export function newLoad(): LoadRun {
  return {
    phase: 'preparing',
    books: openBooks(),
    next: 1,
    outcomes: [],
    files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
    sorted: false,
    canceled: false,
    lost: { creates: [] },
    openJobs: [],
    warnings: [],
    corrections: 0,
  };
}

/** What `retryFailedRows` is started with. */
export interface RetryInput extends OrgRef {
  stage: Stage;
  outcomes: PartOutcome[];
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
  /** The rows of the stage were not sent yet; otherwise what did not land of them is sorted first. */
  sendFirst: boolean;
  /** No job is started until the signal `resume`. */
  paused: boolean;
  searchAttributes: SearchAttributeName[];
}

export interface RetryResult {
  /** What the retry adds to the books of the load; `total` and `seen` stay 0. */
  books: Books;
  files: LoadRun['files'];
  canceled: boolean;
  lost: LostJobs;
  warnings?: string[];
  error?: LoadError;
}

/** `file:` URI of a part's succeeded rows. */
export function succeededUri(stage: Stage, part: number): string {
  return `${stage.uri}${partFolder(part)}/${SUCCEEDED_FILE}`;
}

/** Whether anything of a part still has to be sorted. */
export function isExceptional(outcome: PartOutcome): boolean {
  return outcome.kind !== 'loaded' || outcome.counts.failed + outcome.counts.unprocessed > 0 || outcome.missing !== 0;
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
  enterPart(run.books, outcome);
  run.books.jobs.push(...result.jobs);
  run.books.apiRequests += result.apiRequests;
  if (!result.filesAgree) run.books.disagreeing++;
  if (outcome.counts.succeeded > 0) run.files.succeeded.push(succeededUri(stage, outcome.part));
  if (isExceptional(outcome)) run.outcomes.push(outcome);
  // Every further part would fail in the same way.
  if (outcome.counts.stop !== undefined) run.error ??= stopError(outcome.counts.stop);
  enterWarnings(run.warnings, result.warnings);
  enterLost(run.lost, result.lost);
  if (result.error !== undefined) run.error ??= result.error;
}

/** Enters what the retry came to: what did not land of the first pass has been sorted by it. */
export function enterRetry(run: LoadRun, result: RetryResult): void {
  run.books.unprocessed = 0;
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
  books.jobs.push(...more.jobs);
  books.apiRequests += more.apiRequests;
  run.files.succeeded.push(...result.files.succeeded);
  run.files.rejected.push(...result.files.rejected);
  run.files.unprocessed.push(...result.files.unprocessed);
  run.files.changes.push(...result.files.changes);
  enterWarnings(run.warnings, result.warnings);
  enterLost(run.lost, result.lost);
  if (result.error !== undefined) run.error ??= result.error;
}

/** Rows of the first pass that a retry may bring home. */
export function mayRetry(
  { outcomes, books }: LoadRun,
  operation: string,
  { retry }: Pick<LoadSettings, 'retry'>,
): boolean {
  // An insert whose files are not trusted could be applied twice.
  if (operation === 'insert' && (books.disagreeing > 0 || outcomes.some(({ missing }) => missing !== 0))) return false;
  return outcomes.some(
    ({ kind, counts, missing }) =>
      kind === 'loaded' &&
      (counts.failed > (retry.fixes.length > 0 ? 0 : counts.failedForGood) ||
        counts.unprocessed > 0 ||
        (missing > 0 && operation !== 'insert')),
  );
}

/** Parts as the `progress` query shows them: the running ones, then the others in order. */
export function showParts(run: LoadRun, running: ReadonlyMap<number, PartProgress>, most: number): PartProgress[] {
  const shown = [...running.values()];
  const exceptional = new Map(run.outcomes.map((outcome) => [outcome.part, outcome]));
  for (const [index, total] of (run.stage?.parts ?? []).entries()) {
    if (shown.length >= most) break;
    const n = index + 1;
    if (running.has(n)) continue;
    if (n >= run.next) shown.push({ n, phase: 'waiting', processed: 0, failed: 0, total });
    else {
      const outcome = exceptional.get(n);
      const failed = outcome?.counts.failed ?? 0;
      const processed = outcome === undefined ? total : outcome.counts.succeeded + failed;
      shown.push({
        n,
        phase: outcome?.kind === 'loaded' || outcome === undefined ? 'done' : 'failed',
        processed,
        failed,
        total,
      });
    }
  }
  return shown.slice(0, most).sort((a, b) => a.n - b.n);
}

/** Waits until no rows of a job can land any more, and downloads its results until files and counters agree. */
import { sleep } from '@temporalio/workflow';
import type { ResultCounts } from '../../../protocol/activities/ended-parts.js';
import type { JobStatus } from '../../../protocol/activities/job-types.js';
import { filesAgree, missingRows, nothingApplied } from '../result-counts.js';
import { fileCleanupActivities } from '../../support/activity-options.js';
import { untilCanceled } from '../../support/cancellation.js';
import type { IngestJob } from '../job.js';
import { renewLease } from '../lease/lease.js';
import { settleDelay } from '../poll/settle-delay.js';
import { mayBeSentAgain } from './failure-advice.js';
import { enterWarnings } from '../../support/warnings.js';

/** Polls when files disagree with the counters, which may lag: at most ten minutes in total. */
const DISAGREEMENT_WAITS = ['1m', '3m', '6m'] as const;
/** Used when the full wait was in vain for an earlier part. */
const SHORT_WAITS = ['30s'] as const;
/** Most counters are stable sooner: that is no wait worth telling. */
const USUAL_SETTLE_MS = 60_000;
/** Counters that stay behind their files permanently are not waited for. */
const MAX_LAGGING_POLLS = 3;
/** After a cancellation people do not want to wait forever; in a load that continues, the rows matter more. */
const SETTLE_LIMIT_MS = 600_000;
const PATIENT_SETTLE_LIMIT_MS = 86_400_000;

export async function settleAndDownload(job: IngestJob): Promise<{ counts: ResultCounts; filesAgree: boolean }> {
  const { input, state } = job;
  const settling = new SettlingJob(job);
  let moving = !(await settling.settle());
  let counts = await settling.download();
  // Rows that landed while the files were downloaded are in none of them, or listed as unprocessed.
  for (let again = 0; !moving && (await settling.hasMoved(counts, again)); again++) {
    moving = !(await settling.settle()) || settling.isOver();
    counts = await settling.download();
  }
  if (moving) {
    enterWarnings(state.warnings, [
      `Salesforce was still working on job ${state.jobId} when its results were fetched: rows reported as unprocessed may have landed since.`,
    ]);
  }
  const missing = (): number => missingRows(input.records, counts);
  const agree = (): boolean => filesAgree(settling.last, counts) && missing() >= 0;
  for (const wait of input.waitsShort === true ? SHORT_WAITS : DISAGREEMENT_WAITS) {
    if ((agree() && missing() === 0) || settling.isNothing(counts)) break;
    await job.enterUnsettled(`the result files and the counters of job ${state.jobId} to agree`);
    await sleep(wait, { summary: 'result files and counters disagree: poll again' });
    await settling.poll(`poll again: ${state.jobId}`);
    counts = await settling.download();
  }
  await job.enterUnsettled(undefined);
  const current = state.jobs.at(-1);
  if (current !== undefined) current.failed = counts.failed;
  return { counts, filesAgree: agree() && !moving };
}

/** A job that has ended but whose rows may still land. */
class SettlingJob {
  readonly #job: IngestJob;
  readonly #since = Date.now();

  constructor(job: IngestJob) {
    this.#job = job;
  }

  get last(): JobStatus {
    return this.#job.state.last as JobStatus;
  }

  /** It has been waited for long enough. */
  isOver(): boolean {
    const { state, live } = this.#job;
    const isCanceled = state.canceled || live.root.consideredCancelled;
    return Date.now() >= this.#since + (isCanceled ? SETTLE_LIMIT_MS : PATIENT_SETTLE_LIMIT_MS);
  }

  /** A cancellation must not wait for an outage. */
  async poll(summary: string): Promise<JobStatus> {
    const job = this.#job;
    const found = await untilCanceled(job.live.root, job.state, () => job.poll(summary));
    // The platform is still working on it: its slot is not free.
    if (job.state.lease.granted) await renewLease(job);
    return found;
  }

  async download(): Promise<ResultCounts> {
    const job = this.#job;
    return untilCanceled(job.live.root, job.state, (isCanceled) =>
      job.downloadResults(isCanceled ? fileCleanupActivities(job.input.filesQueue) : job.fileActivities),
    );
  }

  /**
   * After Failed or Aborted, running batches still finish: waits for two equal polls.
   * @returns false when the counters were still moving at the end of the wait
   */
  async settle(): Promise<boolean> {
    const { input, state } = this.#job;
    if (!this.#mayStillLand()) return true;
    this.#job.enterPhase('settling');
    for (;;) {
      const before = this.last;
      if (Date.now() >= this.#since + USUAL_SETTLE_MS) {
        await this.#job.enterUnsettled(`the counters of job ${state.jobId} to settle: it is ${before.state}`);
      }
      const wait = settleDelay(input.poll, state, Date.now());
      await sleep(wait, { summary: `${before.state}: wait until its counters are stable` });
      if (isSame(before, await this.poll(`check whether ${state.jobId} has settled`))) return true;
      if (this.isOver()) return false;
    }
  }

  /** @param again how often it had moved before */
  async hasMoved(counts: ResultCounts, again: number): Promise<boolean> {
    const { input, state } = this.#job;
    const before = this.last;
    const landed = counts.succeeded + counts.failed;
    if (!this.#mayStillLand() || landed === input.records) return false;
    const now = await this.poll(`check again whether ${state.jobId} has settled`);
    return !isSame(before, now) || (landed > now.processed && again < MAX_LAGGING_POLLS);
  }

  /** Whether rows of it may still land: not of a job that completed or could not begin. */
  #mayStillLand(): boolean {
    const { state, processed, failed } = this.last;
    return (
      state !== 'JobComplete' && !(state === 'Failed' && processed === 0 && failed === 0 && !mayBeSentAgain(this.last))
    );
  }

  /**
   * An insert whose rows are in no file is polled again before it is sent again: rows that land late would be
   * duplicates.
   */
  isNothing(counts: ResultCounts): boolean {
    const mayBeInsertedTwice = this.#job.input.operation === 'insert' && mayBeSentAgain(this.last);
    return nothingApplied(this.last, counts) && !mayBeInsertedTwice;
  }
}

function isSame(one: JobStatus, other: JobStatus): boolean {
  return one.processed === other.processed && one.failed === other.failed;
}

/**
 * Runs the batches of all jobs on the org's clock, event after event: a job leaves the queue, a transaction ends, a
 * batch goes back to the queue. What happens depends on the times of the requests and on the seed alone, never on how
 * fast this machine is: if it is too slow, the org's time waits for it, and no request does.
 */
import { shareOf } from '../random.js';
import { Batch as BatchOf, BATCH } from './batch.js';
import type { Job } from './job.js';
import { Locks } from './locks.js';
import { Pace } from './pace.js';
import type { Tempo } from './tempo.js';

/** Work between two turns of the event loop. */
const SLICE_MS = 10;

type Batch = BatchOf<Job>;

interface OrgEvent {
  at: number;
  run: () => Promise<void> | void;
}

const TOO_MANY_LOCKS = 'TooManyLockFailure : Too many lock failure 200 Trying again later';
const retriedTooOften = (times: number): string => `Unknown : Batch processing was retried more than ${times} times`;

const unexpected = (error: unknown): string => `Unknown : ${error instanceof Error ? error.message : String(error)}`;

export class Scheduler {
  readonly #tempo: Tempo;
  readonly #locks = new Locks();
  /** Closed jobs that wait for their first batch. */
  readonly #queued = new Map<Job, number>();
  /** Batches that wait, are blocked or run, in the order of their creation. */
  readonly #batches = new Set<Batch>();
  /** Everything until then has happened. */
  #time = -Infinity;
  #target = -Infinity;
  #isRunning = false;
  #waiters: { at: number; done: () => void }[] = [];
  #recordsPerSecond: number;
  /** Whether this speed applies to all objects, whatever their folder says. */
  #isForced = false;

  constructor(tempo: Tempo, recordsPerSecond: number) {
    this.#tempo = tempo;
    this.#recordsPerSecond = recordsPerSecond;
  }

  /** A job that was closed; it begins at this time. */
  add(job: Job, at: number): void {
    this.#queued.set(job, at);
  }

  /** Everything that happens by now, happens. */
  advance(now: number): Promise<void> {
    this.#target = Math.max(this.#target, now);
    const done = new Promise<void>((resolve) => this.#waiters.push({ at: now, done: resolve }));
    if (!this.#isRunning) void this.#run().catch(() => this.#stumble());
    return done;
  }

  /** Nobody waits for what cannot be done now, such as a write to a full disk; the next request tries again. */
  #stumble(): void {
    this.#isRunning = false;
    this.#answer(Infinity);
  }

  /** Nothing happens any more; returns once what is happening has ended. */
  async stop(): Promise<void> {
    this.#queued.clear();
    this.#batches.clear();
    this.#target = -Infinity;
    while (this.#isRunning) await new Promise((turn) => setImmediate(turn));
  }

  /** A job that has ended: its batches say which of its rows were processed. */
  revive(job: Job, now: number): void {
    job.batches = this.#batchesOf(job, now);
    for (const [i, batch] of job.batches.entries()) {
      const saved = job.savedBatches[i];
      if (saved !== undefined) batch.restore(saved);
    }
  }

  /** A job that was running when its process ended. */
  resume(job: Job, now: number): void {
    this.revive(job, now);
    const left = job.batches.filter((batch) => !batch.isThrough);
    if (!this.#tempo.isShared) job.pace = new Pace(now, this.#recordsPerSecond, job.processed);
    for (const batch of this.#tempo.isShared ? left : left.slice(0, 1)) this.#batches.add(batch);
  }

  /** When something happens next without a request; undefined for never. */
  nextEventAt(): number | undefined {
    // What is being done now may bring more.
    if (this.#isRunning) return Math.max(0, this.#time);
    const { at } = this.#next();
    return at === Infinity ? undefined : at;
  }

  setSpeed(now: number, recordsPerSecond: number): void {
    this.#recordsPerSecond = recordsPerSecond;
    this.#isForced = true;
    if (this.#tempo.isShared) this.#share(now);
    else for (const { job } of this.#batches) job.pace?.change(now, recordsPerSecond);
  }

  /** A job was aborted: batches that have not begun never will. */
  abort(job: Job): void {
    this.#queued.delete(job);
    for (const batch of this.#of(job)) if (!this.#hasBegun(batch)) this.#remove(batch);
  }

  /** Drops a job that is deleted, whatever is being done for it. */
  drop(job: Job): void {
    job.isOver = true;
    this.#queued.delete(job);
    for (const batch of this.#of(job)) this.#remove(batch);
  }

  isRunning(job: Job): boolean {
    return this.#of(job).length > 0;
  }

  #of(job: Job): Batch[] {
    return [...this.#batches].filter((batch) => batch.job === job);
  }

  #hasBegun(batch: Batch): boolean {
    if (batch.state !== 'running') return batch.state === 'blocked';
    return this.#tempo.isShared || batch.done > 0;
  }

  async #run(): Promise<void> {
    let sliceEnds = performance.now() + SLICE_MS;
    this.#isRunning = true;
    for (;;) {
      const next = this.#next();
      if (next.at > this.#target) {
        const target = this.#target;
        this.#time = Math.max(this.#time, target);
        if (!this.#tempo.isShared) await this.#applyDueRows(target);
        // Meanwhile somebody may have asked for a later time, or closed a job.
        if (this.#target === target && this.#next().at > target) break;
        continue;
      }
      this.#answer(next.at);
      this.#time = Math.max(this.#time, next.at);
      await next.run();
      if (performance.now() < sliceEnds) continue;
      await new Promise((turn) => setImmediate(turn));
      sliceEnds = performance.now() + SLICE_MS;
    }
    this.#isRunning = false;
    this.#answer(Infinity);
  }

  /** Tells those who wait for a time before this one. */
  #answer(before: number): void {
    const done = this.#waiters.filter(({ at }) => at < before);
    if (done.length === 0) return;
    this.#waiters = this.#waiters.filter(({ at }) => at >= before);
    for (const one of done) one.done();
  }

  /** Without events, rows of a running transaction may be due. */
  async #applyDueRows(now: number): Promise<void> {
    for (const batch of [...this.#batches]) {
      const { job, transaction } = batch;
      if (transaction === undefined) continue;
      const due = Math.min(transaction.rows.length, (job.pace?.rowsAt(now) ?? 0) - (job.processed - transaction.done));
      if (due > transaction.done) await this.#guard(batch, () => job.apply(batch, due, now));
    }
  }

  #next(): OrgEvent {
    let next: OrgEvent = { at: Infinity, run: () => undefined };
    const offer = (at: number, run: OrgEvent['run']): void => {
      if (at < next.at) next = { at, run };
    };
    for (const [job, at] of this.#queued)
      offer(at, () => this.#begin(job, at).catch((error: unknown) => job.fail(at, unexpected(error))));
    let running = 0;
    for (const batch of this.#batches) {
      if (batch.state === 'running') {
        running++;
        const at = this.#endOf(batch);
        offer(at, () => this.#guard(batch, () => this.#endTransaction(batch, at)));
      } else if (batch.state === 'blocked') {
        running++;
        offer(batch.waitsUntil ?? 0, () => this.#guard(batch, () => this.#lock(batch, this.#time)));
      }
    }
    if (running >= this.#tempo.parallelBatches) return next;
    for (const batch of this.#batches) {
      if (batch.state !== 'waiting') continue;
      offer(Math.max(batch.readyAt, this.#time), () => this.#guard(batch, () => this.#start(this.#time)));
    }
    return next;
  }

  #endOf(batch: Batch): number {
    const { job, pace } = batch;
    // Shares are fractions: what is due now must not be due a moment later.
    if (this.#tempo.isShared) return Math.round((pace?.timeOf(batch.target) ?? Infinity) * 100) / 100;
    const left = batch.target - batch.done;
    const failsAt = job.plannedFailure?.records ?? Infinity;
    // Without rows left, the end of the job is noticed when the next row would be due.
    return job.pace?.timeOf(Math.min(job.processed + (left === 0 ? 1 : left), failsAt)) ?? Infinity;
  }

  async #begin(job: Job, at: number): Promise<void> {
    this.#queued.delete(job);
    if (!(await job.begin(at))) return;
    job.batches = this.#batchesOf(job, at);
    if (!this.#tempo.isShared) {
      job.pace = new Pace(at, this.#recordsPerSecond);
      await job.start(at);
    }
    if (job.isTerminal) return;
    if (job.batches.length === 0) return this.#endEmpty(job, at);
    for (const batch of this.#tempo.isShared ? job.batches : job.batches.slice(0, 1)) this.#batches.add(batch);
  }

  #batchesOf(job: Job, readyAt: number): Batch[] {
    const { spread, seed } = this.#tempo;
    return Array.from({ length: Math.ceil(job.index.rows / BATCH) }, (_, index) => {
      const factor = 1 + spread * (2 * shareOf(`${seed} ${job.number} ${index}`) - 1);
      return new BatchOf<Job>(job, job.index, { index, readyAt, factor });
    });
  }

  async #endEmpty(job: Job, at: number): Promise<void> {
    await job.start(at);
    await job.end(at);
  }

  /** Starts the batch whose turn it is: of the job with the fewest running batches, then the one that waits longest. */
  async #start(now: number): Promise<void> {
    const load = new Map<Job, number>();
    for (const { job, state } of this.#batches) {
      if (state === 'running' || state === 'blocked') load.set(job, (load.get(job) ?? 0) + 1);
    }
    const [first] = [...this.#batches]
      .filter((batch) => batch.state === 'waiting' && batch.readyAt <= now)
      .sort((a, b) => (load.get(a.job) ?? 0) - (load.get(b.job) ?? 0) || a.readyAt - b.readyAt);
    if (first === undefined) return;
    if (this.#tempo.isShared && !first.job.takeBatch(first, now)) return this.#endBegun(first.job, now);
    first.startedAt = now;
    first.lockFailures = 0;
    if (this.#tempo.isShared) await first.job.start(now);
    if (first.job.isTerminal) return this.#remove(first);
    await this.#nextTransaction(first, now);
  }

  /** No more batches of the job may begin. */
  async #endBegun(job: Job, now: number): Promise<void> {
    job.isOutOfBatches = true;
    for (const batch of this.#of(job)) if (batch.state === 'waiting' && !batch.isCounted) this.#remove(batch);
    if (!this.isRunning(job)) await job.finish(now);
  }

  async #nextTransaction(batch: Batch, now: number): Promise<void> {
    const rows = await batch.job.read(batch.next);
    batch.transaction = { rows, done: batch.skip, held: [], contended: new Map() };
    batch.skip = 0;
    batch.waitsUntil = undefined;
    this.#lock(batch, now);
  }

  /** Locks what the transaction writes; it waits for what others have locked, but not forever. */
  #lock(batch: Batch, now: number): void {
    const { transaction, job } = batch;
    const { locks } = this.#tempo;
    if (transaction === undefined) return;
    if (locks !== undefined) {
      const keys = transaction.rows.map((row) => job.lockKeys(row, locks));
      transaction.contended = this.#locks.contended(batch, keys);
      batch.waitsUntil ??= now + locks.waitMs;
      if (transaction.contended.size > 0 && now < batch.waitsUntil) {
        batch.state = 'blocked';
        batch.pace = undefined;
        return this.#share(now);
      }
      transaction.held = this.#locks.hold(batch, keys, transaction.contended);
    }
    batch.state = 'running';
    if (this.#tempo.isShared) batch.pace = new Pace(now, 0, batch.done);
    this.#share(now);
  }

  /** Divides the speed of the org among the running batches. */
  #share(now: number): void {
    if (!this.#tempo.isShared) return;
    const running = [...this.#batches].filter(({ state }) => state === 'running');
    for (const batch of running) {
      const speed = this.#speedOf(batch.job);
      batch.pace?.share(now, speed / running.length / batch.factor);
    }
    const jobs = new Set(running.map(({ job }) => job));
    for (const job of new Set([...this.#batches].map((batch) => batch.job))) job.activity(now, jobs.has(job));
  }

  #speedOf({ settings }: Job): number {
    const own = this.#isForced ? undefined : this.#tempo.speedOf(settings);
    return own?.rowsPerSecond ?? this.#recordsPerSecond;
  }

  async #endTransaction(batch: Batch, now: number): Promise<void> {
    const { job, transaction } = batch;
    if (transaction === undefined) return;
    await job.apply(batch, transaction.rows.length, now);
    if (job.isOver) return;
    this.#locks.release(transaction.held);
    batch.lockFailures += transaction.contended.size;
    batch.endTransaction();
    if (batch.isThrough) await this.#endBatch(batch, now);
    else if (this.#isTooMuch(batch, now)) await this.#requeue(batch, now);
    else await this.#nextTransaction(batch, now);
    this.#unblock(now);
  }

  async #endBatch(batch: Batch, now: number): Promise<void> {
    const { job } = batch;
    const next = this.#tempo.isShared || job.state === 'Aborted' ? undefined : job.batches[batch.index + 1];
    // The end of a job alone is noticed when its next row would be due.
    if (next === undefined && (job.pace?.timeOf(job.processed + 1) ?? now) > now && job.state !== 'Aborted') {
      batch.transaction = { rows: [], done: 0, held: [], contended: new Map() };
      return;
    }
    await job.endBatch();
    this.#remove(batch);
    if (next !== undefined) this.#batches.add(next);
    this.#share(now);
    if (!this.isRunning(job)) await job.finish(now);
  }

  #isTooMuch({ lockFailures, startedAt }: Batch, now: number): boolean {
    const { locks, batchLimitMs } = this.#tempo;
    return lockFailures > (locks?.failuresPerBatch ?? Infinity) || now - startedAt > batchLimitMs;
  }

  /** The rest of the batch is tried again later; an aborted job is not continued. */
  async #requeue(batch: Batch, now: number): Promise<void> {
    const { retries, retryAfterMs } = this.#tempo;
    const { job } = batch;
    const byLocks = batch.lockFailures > (this.#tempo.locks?.failuresPerBatch ?? Infinity);
    batch.retries++;
    job.retries++;
    if (job.state === 'Aborted') {
      this.#remove(batch);
      this.#share(now);
      if (!this.isRunning(job)) await job.finish(now);
      return;
    }
    if (batch.retries > retries) {
      await job.fail(now, byLocks ? TOO_MANY_LOCKS : retriedTooOften(retries));
      return this.#removeAll(job, now);
    }
    batch.state = 'waiting';
    batch.readyAt = now + retryAfterMs;
    batch.pace = undefined;
    this.#share(now);
  }

  /** Transactions that wait for locks try again when one has ended. */
  #unblock(now: number): void {
    for (const batch of this.#batches) if (batch.state === 'blocked') this.#lock(batch, now);
  }

  /** What goes wrong with a batch ends its job, not the org. */
  async #guard(batch: Batch, work: () => Promise<void> | void): Promise<void> {
    const { job } = batch;
    try {
      await work();
    } catch (error) {
      await job.fail(this.#time, unexpected(error));
    }
    if (job.isOver) this.#removeAll(job, this.#time);
  }

  #removeAll(job: Job, now: number): void {
    for (const batch of this.#of(job)) this.#remove(batch);
    this.#share(now);
    this.#unblock(now);
  }

  #remove(batch: Batch): void {
    this.#locks.release(batch.transaction?.held ?? []);
    batch.state = 'ended';
    batch.transaction = undefined;
    this.#batches.delete(batch);
  }
}

/** The ingest jobs of the simulated org: create, upload, close, abort, get, delete. */
import { createWriteStream, renameSync } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { notFound, Refusal } from '../http/http.js';
import { makeId } from '../org/ids.js';
import { Job } from './job.js';
import type { JobSettings, JobWorld, PlannedFailure } from './job-types.js';
import { Scheduler } from './scheduler.js';
import type { Tempo } from './tempo.js';
import { invalidValue, readRequest } from './job-request.js';
import type { MultipartJob } from '../http/multipart.js';

const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

export interface JobsOptions {
  folder: string;
  now: () => number;
  recordsPerSecond: number;
  tempo: Tempo;
  queueDelayMs: () => number;
  /** Longest time that a request waits for work that is due; the rest is done meanwhile. */
  patienceMs: number;
  maxUploadBytes: number;
  world: Omit<JobWorld, 'table' | 'access'>;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #jobs = new Map<string, Job>();
  #created = 0;
  #uploads = 0;
  readonly #scheduler: Scheduler;
  #nextFails: PlannedFailure | undefined;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options.tempo, options.recordsPerSecond);
  }

  all(): Job[] {
    return [...this.#jobs.values()];
  }

  failNext(failure: PlannedFailure): void {
    this.#nextFails = failure;
  }

  async setRecordsPerSecond(recordsPerSecond: number): Promise<void> {
    const now = await this.#advance();
    this.#scheduler.setSpeed(now, recordsPerSecond);
  }

  /** When something happens next without a request; undefined for never. */
  nextEventAt(): number | undefined {
    return this.#scheduler.nextEventAt();
  }

  /** Does what is due by now, as far as there is time. */
  async #advance(): Promise<number> {
    const { now, patienceMs } = this.#options;
    const time = now();
    const done = this.#scheduler.advance(time);
    await (patienceMs === Infinity ? done : atMostMs(done, patienceMs));
    return time;
  }

  async advanceAll(): Promise<void> {
    const now = await this.#advance();
    for (const [id, job] of this.#jobs) {
      await job.expire(now);
      // Ended jobs are kept for seven days.
      if (job.isOver && now - job.changedAt > KEPT_MS) {
        this.#jobs.delete(id);
        await this.#forget(job);
      }
    }
  }

  /** Continues with the jobs of the last start. */
  async restore(): Promise<void> {
    const { world, folder, now, tempo, queueDelayMs } = this.#options;
    for (const saved of world.store?.jobs ?? []) {
      const settings = saved['settings'] as JobSettings;
      const table = world.org.table(settings.object);
      if (table === undefined) continue;
      const access = world.org.access(settings.createdById);
      const place = {
        number: saved.number,
        path: join(folder, `${settings.id}.csv`),
        now: saved['createdAt'] as number,
      };
      const job = new Job(settings, place, { ...world, table, access });
      await job.restore(saved);
      job.apexShare = tempo.speedOf(settings)?.apexShare ?? 0;
      this.#jobs.set(settings.id.slice(0, 15), job);
      this.#created = Math.max(this.#created, job.number);
      if (job.isOver) this.#scheduler.revive(job, now());
      else if (job.state === 'UploadComplete') this.#scheduler.add(job, now() + queueDelayMs());
      else if (job.state === 'InProgress') this.#scheduler.resume(job, now());
      else if (job.state === 'Aborted') await this.#endAborted(job, now());
    }
  }

  /** Its batches ended with the process that ran them. */
  async #endAborted(job: Job, now: number): Promise<void> {
    this.#scheduler.revive(job, now);
    await job.end(now);
  }

  async close(): Promise<void> {
    const { store } = this.#options.world;
    for (const job of this.#jobs.values()) this.#scheduler.drop(job);
    await this.#scheduler.stop();
    await Promise.all(this.all().map((job) => job.dispose(store !== undefined)));
    await store?.close();
  }

  /** Finds a job by its id of 15 or 18 characters, and advances it to the current time. */
  async find(id: string): Promise<Job> {
    const job = this.#jobs.get(id.slice(0, 15));
    if (job === undefined || (id.length !== 15 && id !== job.settings.id)) throw notFound();
    const now = await this.#advance();
    await job.expire(now);
    if (job.isTerminal && now - job.changedAt > KEPT_MS) throw notFound();
    return job;
  }

  create(body: Record<string, unknown>, apiVersion: number, createdById: string): Job {
    const { world, folder, now } = this.#options;
    const access = world.org.access(createdById);
    const { table, settings } = readRequest(body, { ...world, access });
    if (world.quirks.batchesUsedUp === 'refuseCreate' && world.allocations.batches.remaining(now()) === 0) {
      throw new Refusal(400, 'EXCEEDEDQUOTA', 'ExceededQuota : ApiBatchItems Limit exceeded.');
    }
    const number = ++this.#created;
    const id = makeId('750', number);
    const place = { number, path: join(folder, `${id}.csv`), now: now() };
    const job = new Job({ id, apiVersion, createdById, ...settings }, place, { ...world, table, access });
    job.apexShare = this.#options.tempo.speedOf(job.settings)?.apexShare ?? 0;
    const planned = this.#nextFails;
    job.plannedFailure = planned;
    const left = (planned?.times ?? 1) - 1;
    this.#nextFails = planned === undefined || left <= 0 ? undefined : { ...planned, times: left };
    this.#jobs.set(id.slice(0, 15), job);
    job.save();
    return job;
  }

  /** A create with rows in the same request also closes the job. */
  async createWithContent({ job: body, content }: MultipartJob, apiVersion: number, userId: string): Promise<Job> {
    const job = this.create(body, apiVersion, userId);
    await writeFile(job.path, content);
    job.uploads = 1;
    await this.#close(job);
    return job;
  }

  async #close(job: Job): Promise<void> {
    const { now, queueDelayMs } = this.#options;
    await job.close(now());
    this.#scheduler.add(job, now() + queueDelayMs());
  }

  async upload(id: string, request: IncomingMessage): Promise<void> {
    const { path } = await this.#findOpen(id);
    const { maxUploadBytes, world } = this.#options;
    // Several uploads of one job may run at once.
    const temporary = `${path}.${++this.#uploads}.part`;
    const unpack = request.headers['content-encoding'] === 'gzip' && world.quirks.gzipUpload === 'unpack';
    try {
      const kept = atMost(maxUploadBytes + 1);
      if (unpack) await pipeline(request, createGunzip(), kept, createWriteStream(temporary));
      else await pipeline(request, kept, createWriteStream(temporary));
      const { size } = await stat(temporary);
      if (size === 0 && world.quirks.emptyUpload === 'refuse') {
        throw new Refusal(400, 'INVALIDBATCH', 'InvalidBatch : The upload holds no data');
      }
      if (size > maxUploadBytes) {
        throw new Refusal(
          400,
          'CLIENTINPUTERROR',
          `ClientInputError : The upload is larger than ${maxUploadBytes} bytes`,
        );
      }
      // The job may have been closed meanwhile. From here on, nothing can come in between.
      const job = await this.#findOpen(id);
      renameSync(temporary, job.path);
      job.uploads++;
      job.save();
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #findOpen(id: string): Promise<Job> {
    const job = await this.find(id);
    if (job.state === 'Open') return job;
    const message = `Failed to upload data, since the Job is not Open. Current job state is '${job.state}'`;
    throw new Refusal(400, 'INVALIDJOBSTATE', message);
  }

  async setState(id: string, wanted: unknown, userId: string): Promise<Job> {
    const job = await this.find(id);
    // Only its creator may close a job; ending it is a matter of permission.
    if (wanted === 'UploadComplete' && job.settings.createdById !== userId) throw notTheCreator();
    this.#mayEnd(job, userId);
    const now = this.#options.now();
    if (wanted === 'Aborted') {
      if (job.isTerminal) throw new Refusal(400, 'INVALIDJOBSTATE', 'Aborting already Completed Job not allowed');
      await job.abort(now);
      this.#scheduler.abort(job);
      if (!this.#scheduler.isRunning(job)) await job.end(now);
    } else if (wanted === 'UploadComplete') {
      const { closeAgain, closeWithoutUpload, severalUploadsCode } = this.#options.world.quirks;
      if (!job.isTerminal && job.state !== 'Open' && closeAgain === 'accept') return job;
      if (job.state !== 'Open') throw new Refusal(400, 'INVALIDJOBSTATE', 'Closing already Completed Job not allowed');
      if (job.uploads > 1) throw new Refusal(400, severalUploadsCode, severalUploads(job.settings.id));
      if (job.uploads === 0 && closeWithoutUpload === 'refuse') {
        throw new Refusal(400, 'INVALIDJOBSTATE', 'No data was uploaded for this job');
      }
      await this.#close(job);
    } else {
      throw invalidValue(String(wanted ?? ''), 'state');
    }
    return job;
  }

  async #forget(job: Job): Promise<void> {
    const { store } = this.#options.world;
    store?.removeJob(job.number);
    store?.commit();
    await job.dispose();
  }

  #mayEnd({ settings }: Job, userId: string): void {
    if (settings.createdById !== userId && !this.#options.world.org.access(userId).managesJobs) throw notTheCreator();
  }

  async remove(id: string, userId: string): Promise<void> {
    const job = await this.find(id);
    this.#mayEnd(job, userId);
    if (job.state === 'Open' || job.state === 'InProgress') {
      throw new Refusal(400, 'INVALIDJOBSTATE', `Deleting a job that is ${job.state} is not allowed`);
    }
    this.#jobs.delete(id.slice(0, 15));
    this.#scheduler.drop(job);
    await this.#forget(job);
  }
}

const notTheCreator = (): Refusal =>
  new Refusal(400, 'INVALIDUSER', 'InvalidUser : The job was created by another user');

/** The platform's own text, including its typo. */
function severalUploads(id: string): string {
  return `Found multipe contents for job: <${id.slice(0, 15)}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.`;
}

/** Waits for work, but not longer than this. */
async function atMostMs(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => (timer = setTimeout(done, ms)));
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** Passes on this much and discards the rest, so that the sender receives the reply and the disk does not fill up. */
function atMost(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const kept = chunk.subarray(0, left);
      left -= kept.length;
      done(null, kept.length > 0 ? kept : undefined);
    },
  });
}

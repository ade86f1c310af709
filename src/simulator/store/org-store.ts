/**
 * Keeps the records and jobs of an org in a folder: a snapshot of everything, and a log of what changed since. What a
 * transaction changes is one frame of the log, so that after a crash it is there completely or not at all.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Field } from '../org/fields.js';
import type { Org } from '../org/org.js';
import type { Table } from '../org/table.js';
import { entriesOf, FrameMaker } from './frames.js';

const VERSION = 1;
const SNAPSHOT = /^records\.(\d{1,9})\.snapshot$/;
const LOG = /^changes\.(\d{1,9})\.log$/;
const COMPACT_AT = 256_000_000;
/** Bytes of a snapshot between two turns of the event loop. */
const SLICE = 1 << 20;

/** What is kept of a job, as JSON. */
export type SavedJob = Record<string, unknown> & { number: number };

export class OrgStore {
  readonly #folder: string;
  readonly #tables: readonly Table[];
  readonly #frame = new FrameMaker();
  readonly #changed: Set<number>[];
  /** The last of each job. */
  readonly #jobs = new Map<number, SavedJob>();
  #log: number | undefined;
  #generation = 0;
  #logBytes = 0;
  #snapshotBytes = 0;
  #compacting: Promise<void> | undefined;

  /** A log that is larger than this, and than the snapshot, becomes part of the next one. */
  readonly #compactAt: number;

  private constructor(folder: string, org: Org, compactAt: number) {
    this.#folder = folder;
    this.#compactAt = compactAt;
    this.#tables = org.tables();
    this.#changed = this.#tables.map(() => new Set<number>());
  }

  /** Reads the folder into the org. @throws Error if another process uses it, or if it is of another kind */
  static async open(folder: string, org: Org, compactAt = COMPACT_AT): Promise<OrgStore> {
    await mkdir(join(folder, 'jobs'), { recursive: true });
    takeLock(folder);
    const store = new OrgStore(folder, org, compactAt);
    try {
      await store.#load();
    } catch (error) {
      dropLock(folder);
      throw error;
    }
    for (const [i, table] of store.#tables.entries()) table.onChange = (n) => store.#changed[i]?.add(n);
    return store;
  }

  /** Files of jobs. */
  get jobsFolder(): string {
    return join(this.#folder, 'jobs');
  }

  get jobs(): SavedJob[] {
    return [...this.#jobs.values()];
  }

  saveJob(job: SavedJob): void {
    this.#jobs.set(job.number, job);
    this.#frame.meta({ job });
  }

  /** Progress of a job: replaces these properties of what was saved. */
  saveProgress(progress: SavedJob): void {
    this.#frame.meta({ progress });
    applyProgress(this.#jobs, progress);
  }

  removeJob(number: number): void {
    this.#jobs.delete(number);
    this.#frame.meta({ removed: number });
  }

  /** Writes everything since the last commit, as one. */
  commit(): void {
    for (const [table, changed] of this.#changed.entries()) {
      for (const n of changed) this.#frame.record({ table, ...(this.#tables[table] as Table).packed(n) });
      changed.clear();
    }
    if (this.#frame.isEmpty || this.#log === undefined) return;
    const bytes = this.#frame.take();
    writeAll(this.#log, bytes);
    this.#logBytes += bytes.length;
    if (this.#logBytes > Math.max(this.#compactAt, this.#snapshotBytes)) void this.#compact().catch(() => undefined);
  }

  /** If the process ends before `endFilling`, the folder is not used again. */
  async beginFilling(): Promise<void> {
    await writeFile(this.#filling, '', { mode: 0o600 });
  }

  async endFilling(): Promise<void> {
    this.commit();
    await rm(this.#filling, { force: true });
  }

  get #filling(): string {
    return join(this.#folder, 'filling');
  }

  async close(): Promise<void> {
    await this.#compacting?.catch(() => undefined);
    this.commit();
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
    for (const table of this.#tables) table.onChange = undefined;
    dropLock(this.#folder);
  }

  async #load(): Promise<void> {
    const names = await readdir(this.#folder);
    if (names.includes('filling')) {
      throw new Error(`${this.#folder}: it was not filled completely. Remove the folder, and start again`);
    }
    await this.#tidy(names);
    const numbers = (pattern: RegExp): number[] =>
      names.flatMap((name) => pattern.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b);
    const snapshot = numbers(SNAPSHOT).at(-1) ?? 0;
    const logs = numbers(LOG).filter((n) => n >= snapshot);
    if (snapshot > 0) this.#snapshotBytes = await this.#read(this.#path('records', snapshot));
    let bytes = 0;
    for (const n of logs) bytes += await this.#read(this.#path('changes', n));
    this.#generation = Math.max(snapshot, logs.at(-1) ?? 0) + 1;
    this.#openLog();
    if (bytes > Math.max(this.#compactAt / 8, this.#snapshotBytes)) await this.#compact();
  }

  /** What a process left that ended while it wrote a snapshot or received an upload. */
  async #tidy(names: readonly string[]): Promise<void> {
    const parts = (await readdir(this.jobsFolder)).filter((name) => name.endsWith('.part'));
    for (const name of names.filter((one) => one.endsWith('.tmp'))) await rm(join(this.#folder, name), { force: true });
    for (const name of parts) await rm(join(this.jobsFolder, name), { force: true });
  }

  #path(kind: 'records' | 'changes', n: number): string {
    return join(this.#folder, kind === 'records' ? `records.${n}.snapshot` : `changes.${n}.log`);
  }

  async #read(path: string): Promise<number> {
    let tables: { table: Table; fields: (Field | undefined)[] }[] | undefined;
    for await (const entry of entriesOf(path)) {
      if ('record' in entry) {
        const of = tables?.[entry.record.table];
        of?.table.restore(entry.record, of.fields);
        continue;
      }
      const { meta } = entry;
      if (meta['version'] !== undefined) tables = this.#tablesOf(meta, path);
      if (meta['job'] !== undefined) this.#jobs.set((meta['job'] as SavedJob).number, meta['job'] as SavedJob);
      if (meta['progress'] !== undefined) applyProgress(this.#jobs, meta['progress'] as SavedJob);
      if (meta['removed'] !== undefined) this.#jobs.delete(meta['removed'] as number);
    }
    return (await stat(path)).size;
  }

  /** The tables and fields that a file speaks of; what the org no longer has is dropped. */
  #tablesOf(meta: Record<string, unknown>, path: string): { table: Table; fields: (Field | undefined)[] }[] {
    if (meta['version'] !== VERSION) throw new Error(`${path}: written by another version of the simulated org`);
    const given = meta['tables'] as { name: string; fields: string[] }[];
    return given.map(({ name, fields }) => {
      const table = this.#tables.find(({ object }) => object.name === name);
      if (table === undefined)
        throw new Error(`${path}: it has records of ${name}, which is not an object of this org`);
      return { table, fields: fields.map((field) => table.field(field)) };
    });
  }

  #head(): Record<string, unknown> {
    const tables = this.#tables.map(({ object }) => ({
      name: object.name,
      fields: object.fields.map(({ name }) => name),
    }));
    return { version: VERSION, tables };
  }

  #openLog(): void {
    this.#log = openSync(this.#path('changes', this.#generation), 'a', 0o600);
    const head = new FrameMaker();
    head.meta(this.#head());
    writeAll(this.#log, head.take());
    this.#logBytes = 0;
  }

  /** A new log first, then the snapshot: what changes while it is written is in the log, and replaces what it has. */
  #compact(): Promise<void> {
    this.#compacting ??= this.#writeSnapshot().finally(() => (this.#compacting = undefined));
    return this.#compacting;
  }

  async #writeSnapshot(): Promise<void> {
    if (this.#log !== undefined) closeSync(this.#log);
    const generation = ++this.#generation;
    this.#openLog();
    const jobs = this.jobs;
    const path = this.#path('records', generation);
    const file = await open(`${path}.tmp`, 'w', 0o600);
    let written = 0;
    try {
      const frame = new FrameMaker();
      const flush = async (): Promise<void> => {
        const bytes = frame.take();
        await file.writeFile(bytes);
        written += bytes.length;
      };
      frame.meta(this.#head());
      for (const job of jobs) frame.meta({ job });
      for (const [i, table] of this.#tables.entries()) {
        for (let n = 1; n <= table.count; n++) {
          frame.record({ table: i, ...table.packed(n) });
          if (frame.size > SLICE) await flush();
        }
      }
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    this.#snapshotBytes = written;
    for (const name of await readdir(this.#folder)) {
      const n = Number((SNAPSHOT.exec(name) ?? LOG.exec(name))?.[1] ?? generation);
      if (n < generation) await rm(join(this.#folder, name), { force: true });
    }
  }
}

/** Properties of a batch replace those of its index. */
function applyProgress(jobs: Map<number, SavedJob>, { number, batch, pending, ...progress }: SavedJob): void {
  const job = jobs.get(number);
  if (job === undefined) return;
  Object.assign(job, progress);
  for (const [i, file] of ['succeeded', 'rejected'].entries()) {
    job[file] = { ...(job[file] as object), pending: (pending as unknown[])[i] };
  }
  if (Array.isArray(batch)) (job['batches'] as unknown[])[batch[0] as number] = batch[1];
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

const lockOf = (folder: string): string => join(folder, 'in-use');

/** One process at a time. */
function takeLock(folder: string): void {
  for (let attempt = 0; ; attempt++) {
    try {
      const file = openSync(lockOf(folder), 'wx', 0o600);
      writeSync(file, String(process.pid));
      return closeSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 0) throw error;
      const pid = Number(readFileSync(lockOf(folder), 'utf8'));
      if (isAlive(pid)) throw new Error(`${folder} is in use by the process ${pid}`, { cause: error });
      rmSync(lockOf(folder), { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function dropLock(folder: string): void {
  rmSync(lockOf(folder), { force: true });
}

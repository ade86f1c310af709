/** The whole stack on this machine: PostgreSQL, Temporal, an S3 server, an org, and workers that share no disk. */
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { LoadHandle } from '../../../src/client/load-handle.js';
import { startBulkLoad } from '../../../src/client/start-load.js';
import type { BulkLoadInput } from '../../../src/contract/load-input.js';
import type { SimulatorOptions } from '../../../src/simulator/index.js';
import { Org } from './org.js';
import type { Part } from './part.js';
import { Postgres } from './postgres.js';
import { findPrograms } from './programs.js';
import type { Programs } from './programs.js';
import { Store } from './store.js';
import { Temporal } from './temporal.js';
import { Worker } from './worker.js';

export class Stack {
  readonly programs: Programs;
  readonly folder: string;
  readonly postgres: Postgres;
  readonly temporal: Temporal;
  readonly store: Store;
  readonly org: Org;
  readonly client: Client;
  readonly workers: Worker[] = [];

  private constructor(
    programs: Programs,
    folder: string,
    parts: { postgres: Postgres; temporal: Temporal; store: Store; org: Org },
    connection: Connection,
  ) {
    this.programs = programs;
    this.folder = folder;
    this.postgres = parts.postgres;
    this.temporal = parts.temporal;
    this.store = parts.store;
    this.org = parts.org;
    this.client = new Client({ connection });
  }

  static async open(org: SimulatorOptions): Promise<Stack> {
    const programs = await findPrograms();
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-stack-')));
    // PostgreSQL runs as another user, in a folder of its own.
    await chmod(folder, 0o711);
    const postgres = await Postgres.start(programs, join(folder, 'postgres'));
    const [temporal, store, started] = await Promise.all([
      Temporal.start(programs, join(folder, 'temporal'), postgres.port),
      Store.start(programs, join(folder, 's3')),
      Org.start(join(folder, 'org'), org),
    ]);
    const connection = await Connection.connect({ address: temporal.address });
    return new Stack(programs, folder, { postgres, temporal, store, org: started }, connection);
  }

  /** @param more settings beside those of compose */
  async startWorker(name: string, more: Record<string, string> = {}, options: string[] = []): Promise<Worker> {
    const worker = await Worker.start(name, join(this.folder, name), {
      temporal: this.temporal.address,
      orgUrl: this.org.url,
      store: this.store.settings,
      more,
      options,
    });
    this.workers.push(worker);
    return worker;
  }

  /** Everything but the org, which is not ours to restore. */
  get parts(): Part[] {
    return [...this.workers.map(({ part }) => part), this.temporal.part, this.store.part, this.postgres.part];
  }

  /** Writes the rows into the store and starts a load of them. */
  async startLoad(rows: Iterable<string>, input: Partial<BulkLoadInput> & { loadId: string }): Promise<LoadHandle> {
    await this.store.put(sourceOf(input.loadId), rows);
    return this.startStored(input);
  }

  /** Of rows that are in the store. */
  startStored(input: Partial<BulkLoadInput> & { loadId: string }): Promise<LoadHandle> {
    const common = { object: 'Account', operation: 'insert', source: sourceOf(input.loadId) } as const;
    return startBulkLoad(this.client, { ...common, ...input });
  }

  async close(): Promise<void> {
    await this.client.connection.close();
    for (const part of this.parts) await part.end();
    await this.org.end();
    if (process.env['STACK_KEEP'] === undefined) await rm(this.folder, { recursive: true, force: true });
    else console.error(`Kept: ${this.folder}`);
  }
}

export const sourceOf = (loadId: string): string => `s3://nightload/in/${loadId}.csv`;

/** Rows that only `AccountNumber` tells apart: it is no key in the org, so a row that is sent twice is there twice. */
export function* accountRows(name: string, count: number, padding = 0): Generator<string> {
  yield 'AccountNumber,Name,Description\n';
  const filling = 'x'.repeat(padding);
  for (let n = 1; n <= count; n++) yield `${name}-${n},"Account ""${n}"" of ${name}","line 1\nline 2 ${filling}"\n`;
}

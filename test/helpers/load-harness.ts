/** Everything for a test of a whole load: an org, a folder, a worker, a client, and files with rows. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { NativeConnection } from '@temporalio/worker';
import { parse } from 'csv-parse/sync';
import { expect, inject } from 'vitest';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../src/salesforce/config/open-connection.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import { FileRoots } from '../../src/storage/files/file-roots.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import { startWorker } from '../../src/workers/create-worker.js';
import type { NightloadWorkerOptions, RunningWorker } from '../../src/workers/create-worker.js';

export type Row = Record<string, string>;

export interface World {
  org: Simulator;
  client: Client;
  folder: string;
  taskQueue: string;
  worker: RunningWorker;
  /** Fixers that the worker permits, as `activity@taskQueue`; a test adds its own. */
  fixers: Set<string>;
  /** Writes a CSV into the folder and returns its URI. */
  csv(rows: readonly Row[], name?: string): Promise<string>;
  /** Starts a load that polls and retries quickly. */
  start(input: Partial<BulkLoadInput> & { source: string }): Promise<LoadHandle>;
  load(input: Partial<BulkLoadInput> & { source: string }): Promise<BulkLoadResult>;
  end(): Promise<void>;
}

export const FAST = {
  poll: { initialInterval: '100ms', maximumInterval: '500ms', settleInterval: '200ms' },
  retry: { maxRounds: 3, initialWait: '200ms', backoffCoefficient: 1 },
} satisfies Partial<BulkLoadInput>;

/** A load id that no load has, also when the test is repeated. */
export const newLoadId = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

let quiet = false;

/** Audit lines of this process's workers. */
export const auditLines: { message: string; [fact: string]: unknown }[] = [];

const auditLogger = new DefaultLogger('INFO', ({ level, message, meta }) => {
  if (meta?.['audit'] === true) auditLines.push({ ...meta, message });
  if (level === 'ERROR') process.stderr.write(`${message} ${inspect(meta)}\n`);
});

/** Activities that fail on purpose would flood the output. */
export function quietWorkers(logger = auditLogger): void {
  if (!quiet) Runtime.install({ logger });
  quiet = true;
}

/**
 * Waits, in real time, until the org has the rows of its first job. Skipping time during the upload could end it on a
 * busy machine.
 */
export async function closed(org: Simulator): Promise<void> {
  await expect
    .poll(() => org.jobs().some(({ state }) => state !== 'Open' && state !== 'Aborted'), { timeout: 60_000 })
    .toBe(true);
}

export async function openWorld(
  options: SimulatorOptions = {},
  address: string = inject('temporalAddress'),
  dataConverter: DataConverter = {},
): Promise<World> {
  quietWorkers();
  const environment = await startTestEnvironment({ address, dataConverter, org: options, worker: false });
  const { org, client, folder, taskQueue, connection } = environment;
  const fixers = new Set<string>();
  const worker = await startTestWorker(connection, org, folder, taskQueue, { dataConverter, fixers });
  const start = (input: Partial<BulkLoadInput> & { source: string }): Promise<LoadHandle> =>
    startBulkLoad(
      client,
      { object: 'Account', operation: 'upsert', loadId: newLoadId('t'), ...FAST, ...withKey(input) },
      { taskQueue },
    );
  return {
    ...{ org, client, folder, taskQueue, worker, fixers, start },
    csv: (rows, name = `${randomUUID().slice(0, 8)}.csv`) => environment.csv(name, rows),
    async load(input) {
      return (await start(input)).result();
    },
    async end() {
      await worker.stop();
      // An org of another test may get this one's port: a ledger that nobody runs would be silent for its loads.
      const ledger = client.workflow.getHandle(`nightload-allocation/${new URL(org.url).host}`);
      await ledger.terminate('end of the test').catch(() => undefined);
      await environment.close();
    },
  };
}

function withKey(input: Partial<BulkLoadInput> & { source: string }): Partial<BulkLoadInput> & { source: string } {
  const isUpsert = (input.operation ?? 'upsert') === 'upsert';
  return isUpsert && !('externalIdFieldName' in input) ? { externalIdFieldName: 'External_Id__c', ...input } : input;
}

export async function startTestWorker(
  connection: NativeConnection,
  org: Simulator,
  folder: string,
  taskQueue: string,
  more: Partial<NightloadWorkerOptions> = {},
): Promise<RunningWorker> {
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token });
  return startWorker({
    connection,
    namespace: 'default',
    taskQueue,
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    roots: await FileRoots.open([folder], process.env),
    // The failure converter is part of the bundle.
    ...(more.dataConverter?.failureConverterPath === undefined && {
      workflowBundle: { codePath: inject('workflowBundlePath') },
    }),
    ...more,
  });
}

/** Accounts with unique keys; `change` can make some of them invalid. */
export function accounts(count: number, change: (row: Row, n: number) => Row = (row) => row): Row[] {
  return Array.from({ length: count }, (_, i) =>
    change(
      { External_Id__c: `A-${i + 1}`, Name: `Account ${i + 1}`, Description: `line 1\nline "2", of ${i + 1}` },
      i + 1,
    ),
  );
}

export async function readCsv(uri: string | undefined): Promise<Row[]> {
  if (uri === undefined) return [];
  return parse(await readFile(fileURLToPath(uri), 'utf8'), { columns: true });
}

/** A result names at most 200 files; its report has all. */
async function allSucceeded({ files }: BulkLoadResult): Promise<string[]> {
  if (files.succeeded.length < 200 || files.report === undefined) return files.succeeded;
  return (JSON.parse(await readFile(fileURLToPath(files.report), 'utf8')) as BulkLoadResult).files.succeeded;
}

/** Holds after every load: every row counted once, no Open job, one upload per job. */
export async function expectSound(world: World, result: BulkLoadResult): Promise<void> {
  const { total, succeeded, rejected, unprocessed, unaccounted } = result.records;
  expect(succeeded + rejected + unprocessed + unaccounted).toBe(total);
  const files = await Promise.all((await allSucceeded(result)).map(readCsv));
  expect(files.flat()).toHaveLength(succeeded);
  expect(await readCsv(result.files.rejected)).toHaveLength(rejected);
  expect(await readCsv(result.files.unprocessed)).toHaveLength(unprocessed);
  for (const job of world.org.jobs()) {
    expect(['JobComplete', 'Failed', 'Aborted']).toContain(job.state);
    expect(job.uploads).toBeLessThanOrEqual(1);
  }
}

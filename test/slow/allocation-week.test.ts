/** A week of loads that compete for one org's allocation, in a minute: with the ledger, no request is refused. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { DEFAULT_ALLOCATION } from '../../src/domain/platform/allocation-settings.js';
import type { Allocation } from '../../src/domain/platform/allocation-settings.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../src/salesforce/config/open-connection.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { FileRoots } from '../../src/storage/files/file-roots.js';
import { startWorker } from '../../src/workers/create-worker.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { accounts, quietWorkers } from '../helpers/load-harness.js';
import { startTimeSkipping } from '../helpers/time-skipping-server.js';

const HOUR = 3_600_000;
const DAYS = 7;
/** Of the org. A day's loads need all of them, so that each night's loads wait for those of the night before. */
const BATCHES = 9;
const ROWS_PER_PART = 10;

/** It takes a minute on an idle machine. */
const LONG = { timeout: 600_000 };

let env: TestWorkflowEnvironment;
let org: Simulator;
let folder: string;
let worker: RunningWorker;
const taskQueue = `week-${randomUUID().slice(0, 8)}`;

beforeEach(async () => {
  quietWorkers();
  env = await startTimeSkipping(inject('timeSkippingServer'));
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-week-')));
});
afterEach(async () => {
  await worker.stop();
  await env.teardown();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(allocation: Partial<Allocation>): Promise<void> {
  org = await startSimulator({
    now: () => env.currentTimeMs(),
    // A part takes a quarter of an hour.
    recordsPerSecond: ROWS_PER_PART / 900,
    limits: { batches: BATCHES },
    quirks: { batchesUsedUp: 'refuseCreate' },
  });
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token });
  const options = {
    connection: env.nativeConnection,
    namespace: 'default',
    taskQueue,
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    allocations: new Map([['default', { ...DEFAULT_ALLOCATION, ...allocation }]]),
    roots: await FileRoots.open([folder]),
    workflowBundle: { codePath: inject('workflowBundlePath') },
  };
  worker = await startWorker(options);
}

interface Planned {
  /** Hours since the start of the week. */
  at: number;
  name: string;
  parts: number;
  priority: number;
}

/** Two loads each night, which start early or late, and a small urgent one each morning. */
const WEEK: readonly Planned[] = Array.from({ length: DAYS }, (_, day) => [
  { at: 24 * day + 1 + ((day * 5) % 7) / 2, name: `night-${day}`, parts: 4, priority: 3 },
  { at: 24 * day + 2 + ((day * 3) % 5) / 2, name: `second-${day}`, parts: 4, priority: 4 },
  { at: 24 * day + 8, name: `morning-${day}`, parts: 1, priority: 1 },
])
  .flat()
  .sort((a, b) => a.at - b.at);

/** Starts a load at its hour. */
async function start({ at, name, parts, priority }: Planned): Promise<LoadHandle> {
  const rows = accounts(parts * ROWS_PER_PART, (_row, n) => ({
    External_Id__c: `${name}-${String(n).padStart(4, '0')}`.padEnd(40, '.'),
    Name: 'x'.repeat(60),
  }));
  const source = join(folder, `${name}.csv`);
  await writeFile(source, stringify(rows, { header: true }));
  const input: BulkLoadInput = {
    source: pathToFileURL(source).href,
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    priority,
    // A row is 102 bytes long, the header 20.
    part: { maxBytes: 100 + 102 * ROWS_PER_PART, maxConcurrent: 2 },
    poll: { initialInterval: '4m', maximumInterval: '10m' },
  };
  const workflowId = `bulk-load/${name}`;
  await env.client.workflow.start('bulkLoad', { workflowId, taskQueue, args: [input], startDelay: at * HOUR });
  return new LoadHandle(env.client, workflowId);
}

interface Done {
  name: string;
  parts: number;
  hours: number;
  result: BulkLoadResult;
}

async function week(): Promise<Done[]> {
  const began = await env.currentTimeMs();
  const handles = await Promise.all(WEEK.map(start));
  const done: Done[] = [];
  for (const [index, { at, name, parts }] of WEEK.entries()) {
    const handle = handles[index] as LoadHandle;
    const result = await handle.result();
    const { closeTime } = await handle.describe();
    done.push({ name, parts, result, hours: ((closeTime?.getTime() ?? Infinity) - began) / HOUR - at });
  }
  return done;
}

/** Jobs that the org refused, and those that it failed for lack of allocation. */
function refusals(): number {
  const refused = org.ledger.requests.filter(({ kind, status }) => kind === 'create' && status >= 400);
  return refused.length + org.jobs().filter(({ state }) => state === 'Failed').length;
}

it('runs a week of competing loads without a refusal, and keeps capacity for the mornings', LONG, async () => {
  await open({ batchesPerWindow: BATCHES, recordsPerWindow: 900, reservedRecords: 100 });
  const loads = await week();
  for (const { result, parts } of loads) {
    expect(result).toMatchObject({
      state: 'Completed',
      records: { succeeded: parts * ROWS_PER_PART },
      jobsTotal: parts,
    });
    expect(result.warnings).toBeUndefined();
  }
  expect(refusals()).toBe(0);
  for (const { name, hours } of loads) if (name.startsWith('morning')) expect(hours, name).toBeLessThan(1);
  // The loads did have to share the allocation.
  expect(Math.max(...loads.map(({ hours }) => hours))).toBeGreaterThan(3);
  expect(org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
});

it('gets many refusals without the limits, because loads only learn from those', LONG, async () => {
  await open({});
  // The limits are not readable.
  org.fault({
    kind: 'limits',
    times: 100_000,
    action: { status: 403, errorCode: 'INSUFFICIENT_ACCESS', message: 'no' },
  });
  const loads = await week();
  expect(refusals()).toBeGreaterThan(5);
  // Even so, the loads complete later.
  expect(loads.map(({ result }) => result.records.succeeded)).toEqual(loads.map(({ parts }) => parts * ROWS_PER_PART));
});

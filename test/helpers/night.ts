/** A night for one test: a time-skipping server, an org with the same clock, a worker, and loads into that org. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { quietWorkers, startTestWorker } from './load-harness.js';
import type { Row } from './load-harness.js';
import { startTimeSkipping } from './time-skipping-server.js';

interface Speed {
  at: number;
  perSecond: number;
}

export interface Night {
  env: TestWorkflowEnvironment;
  folder: string;
  taskQueue: string;
  /** Available after `startOrg`. */
  org: Simulator;
  startOrg(options?: SimulatorOptions): Promise<void>;
  /** Starts the worker; `more` as for `startTestWorker`. */
  work(more?: Parameters<typeof startTestWorker>[4]): Promise<void>;
  /** Starts an org and a worker. */
  openOrg(options?: SimulatorOptions): Promise<void>;
  start(rows: Row[], more?: Partial<BulkLoadInput>): Promise<LoadHandle>;
  load(rows: Row[], more?: Partial<BulkLoadInput>): Promise<BulkLoadResult>;
  /** Changes of the speed of all jobs, in rows per second, in the order of their times on the server's clock. */
  planSpeeds(speeds: readonly Speed[]): void;
  /** Workflow time: the server's clock continues after a load has ended. */
  durationOf(result: BulkLoadResult): Promise<number>;
  close(): Promise<void>;
}

export async function openNight(): Promise<Night> {
  quietWorkers();
  const env = await startTimeSkipping(inject('timeSkippingServer'));
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-night-')));
  const taskQueue = `night-${randomUUID().slice(0, 8)}`;
  let org: Simulator | undefined;
  let worker: RunningWorker | undefined;
  const speeds: Speed[] = [];
  let changing: number | undefined;
  /** The org's clock: what was to change by now changes at its time. */
  const now = async (): Promise<number> => {
    if (changing !== undefined) return changing;
    const time = await env.currentTimeMs();
    while (speeds[0] !== undefined && speeds[0].at <= time) {
      const { at, perSecond } = speeds.shift() as Speed;
      changing = at;
      await org?.setRecordsPerSecond(perSecond);
      changing = undefined;
    }
    return time;
  };
  const night: Night = {
    env,
    folder,
    taskQueue,
    get org() {
      if (org === undefined) throw new Error('the org of this night has not been started');
      return org;
    },
    async startOrg(options = {}) {
      org = await startSimulator({ ...options, now });
    },
    async work(more = {}) {
      worker = await startTestWorker(env.nativeConnection, night.org, folder, taskQueue, more);
    },
    async openOrg(options = {}) {
      await night.startOrg(options);
      await night.work();
    },
    async start(rows, more = {}) {
      const source = join(folder, 'accounts.csv');
      await writeFile(source, stringify(rows, { header: true }));
      const upsert = { operation: 'upsert', externalIdFieldName: 'External_Id__c' } as const;
      return startBulkLoad(
        env.client,
        { source: pathToFileURL(source).href, object: 'Account', loadId: 'tonight', ...upsert, ...more },
        { taskQueue },
      );
    },
    planSpeeds(more) {
      speeds.splice(0, speeds.length, ...more);
    },
    load: async (rows, more) => (await night.start(rows, more)).result(),
    async durationOf({ workflowId }) {
      const { startTime, closeTime } = await env.client.workflow.getHandle(workflowId).describe();
      return (closeTime?.getTime() ?? Infinity) - startTime.getTime();
    },
    async close() {
      await worker?.stop();
      await org?.close();
      await env.teardown();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return night;
}

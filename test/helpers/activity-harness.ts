/** Activities as a worker runs them, in a separate folder and with a simulated org, one call at a time. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Info } from '@temporalio/activity';
import type { ActivityFunction } from '@temporalio/common';
import { DefaultLogger } from '@temporalio/worker';
import type { CheckReport } from '../../src/contract/check-report.js';
import { createActivities } from '../../src/activities/index.js';
import type { Activities, ActivityDependencies } from '../../src/activities/index.js';
import type { TriagedRows, TriageRowsInput } from '../../src/protocol/activities/retry-types.js';
import type { PartOutcome, ResultCounts } from '../../src/protocol/activities/ended-parts.js';
import type { EarlierJobs, FindEarlierJobsInput } from '../../src/protocol/activities/orphan-types.js';
import type { UploadedPart } from '../../src/protocol/activities/job-types.js';
import type { PlanLoadInput, Stage } from '../../src/protocol/activities/plan-types.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../src/salesforce/config/open-connection.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import { FileRoots } from '../../src/storage/files/file-roots.js';
import { folderUri } from '../../src/storage/locations.js';

export interface Bench {
  activities: Activities;
  /** The same activities of a newly started worker. */
  restarted(): Activities;
  plan(csv: string | Buffer, more?: Partial<PlanLoadInput>): Promise<Stage>;
  /** Plans the file in its current state, on top of the earlier plan. */
  planAgain(more?: Partial<PlanLoadInput>): Promise<Stage>;
  /** Checks the file in its current state, like `nightload check`. */
  checkAgain(more?: Partial<PlanLoadInput>): Promise<CheckReport>;
  upload(stage: Stage, jobId: string, replaces?: string[]): Promise<UploadedPart>;
  /** Asks the org for unrecorded jobs of part 1. */
  findEarlier(stage: Stage, more?: Partial<FindEarlierJobsInput>): Promise<EarlierJobs>;
  org: Simulator;
  createJob(): Promise<string>;
  sort(stage: Stage, outcomes: PartOutcome[], more?: Partial<TriageRowsInput>): Promise<TriagedRows>;
  write(name: string, text: string | Buffer): Promise<void>;
  /** A file by its name in the folder, or by its URI. */
  read(nameOrUri: string): Promise<string>;
  remove(name: string): Promise<void>;
  /** All files below a folder. */
  tree(name: string): Promise<string[]>;
  sourceUri: string;
  /** The rows that the next round sends. */
  sentAgain(sorted: TriagedRows): Promise<string>;
  close(): Promise<void>;
}

/** Without warnings of activities that fail on purpose: the failure itself reaches the test. */
export function quietEnvironment(caller: Partial<Info> = {}): MockActivityEnvironment {
  return new MockActivityEnvironment(caller, { logger: new DefaultLogger('ERROR') });
}

/** Runs an activity with its input as it is sent over the wire. */
export function run<I, O>(activity: (input: I) => Promise<O>, input: I, caller: Partial<Info> = {}): Promise<O> {
  const sent = JSON.parse(JSON.stringify(input)) as I;
  return quietEnvironment(caller).run(activity as ActivityFunction<[I], O>, sent);
}

export async function openBench(
  options: SimulatorOptions = {},
  more: Partial<ActivityDependencies> | ((folder: string) => Partial<ActivityDependencies>) = {},
): Promise<Bench> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-activities-')));
  const org = await startSimulator(options);
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token });
  const connections = new Map([...settings].map(([name, one]) => [name, openConnection(one)]));
  const roots = await FileRoots.open([folder]);
  const dependencies: ActivityDependencies = {
    connections,
    roots,
    filesQueue: 'files',
    defaultOutput: folderUri(folder),
    searchAttributes: () => Promise.resolve([]),
    ownerOf: () => Promise.resolve('unknown'),
    workflowsOf: () => Promise.resolve([]),
    ...(typeof more === 'function' ? more(folder) : more),
  };
  const activities = createActivities(dependencies);
  const path = (name: string): string => (name.startsWith('file:') ? fileURLToPath(name) : join(folder, name));
  const uri = (name: string): string => pathToFileURL(join(folder, name)).href;
  const read = (name: string): Promise<string> => readFile(path(name), 'utf8');
  const write = async (name: string, text: string | Buffer): Promise<void> => {
    await mkdir(dirname(path(name)), { recursive: true });
    await writeFile(path(name), text);
  };
  const ref = { connection: 'default', apiVersion: 'v66.0' };
  const inputOf = (more: Partial<PlanLoadInput>): PlanLoadInput => ({
    source: uri('source.csv'),
    workUri: uri('work/'),
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    connection: 'default',
    blankAsNull: false,
    partMaxBytes: 100_000_000,
    mapLabels: false,
    checkRows: false,
    skipBadRows: false,
    ...more,
  });
  const planAgain = async (more: Partial<PlanLoadInput> = {}): Promise<Stage> =>
    (await run(activities.planLoad, inputOf(more))).value.stage;
  return {
    activities,
    restarted: () => createActivities(dependencies),
    read,
    write,
    tree: async (name) => (await readdir(path(name), { recursive: true })).sort(),
    sourceUri: uri('source.csv'),
    remove: (name) => rm(path(name), { recursive: true }),
    org,
    async plan(csv: string | Buffer, more = {}) {
      await rm(path('work'), { recursive: true, force: true });
      await write('source.csv', csv);
      return planAgain(more);
    },
    planAgain,
    checkAgain: async (more = {}) =>
      (await run(activities.checkSource, inputOf({ workUri: uri('check/'), ...more }))).value,
    async createJob() {
      const { value } = await run(activities.createJob, {
        ...ref,
        object: 'Account',
        operation: 'upsert',
        externalIdFieldName: 'External_Id__c',
        columnDelimiter: 'COMMA',
        lineEnding: 'LF',
      });
      return value.jobId;
    },
    async upload(stage, jobId, replaces = []) {
      return (await run(activities.uploadPart, { ...ref, jobId, stageUri: stage.uri, part: 1, replaces })).value;
    },
    async findEarlier(stage, more = {}) {
      const { value } = await run(activities.findEarlierJobs, {
        ...ref,
        object: 'Account',
        operation: 'insert',
        stageUri: stage.uri,
        part: 1,
        since: 0,
        load: 'load',
        workflowId: 'load/part-1',
        workUri: uri('work/'),
        ours: [],
        notOurs: [],
        ...more,
      });
      return value;
    },
    sort: (stage, outcomes, more = {}) =>
      run(activities.triageRows, {
        stage,
        outcomes,
        operation: 'upsert',
        final: false,
        nextStageUri: uri('work/round-1/'),
        partMaxBytes: 100_000_000,
        ...more,
      }),
    sentAgain: (sorted) => (sorted.next === undefined ? Promise.resolve('') : read('work/round-1/rows-1.csv')),
    async close() {
      await Promise.all([...connections.values()].map((connection) => connection.close()));
      await org.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const NONE: ResultCounts = { succeeded: 0, failed: 0, failedForGood: 0, unprocessed: 0 };

export function loaded(counts: Partial<ResultCounts>, missing = 0): PartOutcome {
  return { part: 1, kind: 'loaded', counts: { ...NONE, ...counts }, missing };
}

export const notStarted: PartOutcome = { part: 1, kind: 'notStarted', counts: NONE, missing: 0 };

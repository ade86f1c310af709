/**
 * An attacker who may start and signal workflows, and nothing else, sends arbitrary data to every workflow: nothing
 * freezes or ends a load, takes the ledger from others, or makes the worker send requests to the org.
 */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { accounts, expectSound, openWorld, readCsv } from '../helpers/load-harness.js';
import { failedTasksIn } from '../helpers/failed-tasks.js';
import type { World } from '../helpers/load-harness.js';
import { endJob, openJob, sendJob } from '../helpers/send-job.js';
import type { Attack } from './workflows/hostile-workflows.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

interface Raw {
  encoding?: string;
  data: string;
}
/** Sent unchanged: JSON that no program would write, or bytes that cannot be decoded. */
const raw = (data: string, encoding = 'json/plain'): { raw: Raw } => ({ raw: { data, encoding } });
const UNREADABLE = [
  ['truncated JSON', raw('{"source": "fi')],
  ['an unknown encoding', raw('x', 'binary/other')],
  ['no encoding', { raw: { data: 'x' } }],
] as const;

function payloads(args: readonly unknown[]): {
  payloads: { metadata: Record<string, Uint8Array>; data: Uint8Array }[];
} {
  return {
    payloads: args.map((arg) => {
      const { data, encoding } =
        typeof arg === 'object' && arg !== null && 'raw' in arg
          ? (arg.raw as Raw)
          : { data: JSON.stringify(arg), encoding: 'json/plain' };
      return { metadata: encoding === undefined ? {} : { encoding: Buffer.from(encoding) }, data: Buffer.from(data) };
    }),
  };
}

async function start(type: string, args: readonly unknown[], workflowId = `hostile-${randomUUID()}`): Promise<string> {
  await world.client.workflowService.startWorkflowExecution({
    namespace: 'default',
    requestId: randomUUID(),
    workflowId,
    workflowType: { name: type },
    taskQueue: { name: world.taskQueue },
    input: payloads(args),
  });
  return workflowId;
}

async function signal(
  workflowId: string,
  signalName: string,
  args: readonly unknown[],
  header: { fields: Record<string, { metadata: Record<string, Uint8Array>; data: Uint8Array }> } = { fields: {} },
): Promise<void> {
  await world.client.workflowService.signalWorkflowExecution({
    ...{ namespace: 'default', workflowExecution: { workflowId }, signalName },
    ...{ input: payloads(args), header },
  });
}

/** What only a worker may add to a payload: why it could not decrypt it. */
const FORGED = {
  metadata: { encoding: Buffer.from('json/plain'), 'nightload-unreadable': Buffer.from('CODEC_KEY_MISSING: forged') },
  data: Buffer.from('1'),
};

/** The code with which a workflow fails; a workflow that does not end within seconds is frozen. */
async function end(workflowId: string): Promise<string> {
  const limit = new Promise<string>((done) => setTimeout(done, 20_000, 'FROZEN').unref());
  return Promise.race([
    limit,
    world.client.workflow
      .getHandle(workflowId)
      .result()
      .then(() => 'none', codeOf),
  ]);
}

function codeOf(error: unknown): string {
  let cause = error instanceof WorkflowFailedError ? error.cause : error;
  while ((cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause)
    cause = cause.cause;
  return cause instanceof ApplicationFailure ? (cause.type ?? 'no type') : String(cause);
}

async function failedTasks(workflowId: string): Promise<number> {
  const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
  return failedTasksIn(events).length;
}

const least = {
  source: 'file:///data/accounts.csv',
  object: 'Account',
  operation: 'upsert',
  externalIdFieldName: 'External_Id__c',
};
const long = (length: number): string => 'x'.repeat(length);
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const entries = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`F${n}__c`, 'x']));

const INPUTS: readonly (readonly [string, ...unknown[]])[] = [
  ['nothing at all'],
  ['null', null],
  ['a list', []],
  ['a text', 'file:///data/accounts.csv'],
  ['a megabyte of text', long(1_000_000)],
  ['a number', -1],
  ['an empty object', {}],
  ['a source that is a number', { ...least, source: 5 }],
  ['a source of a megabyte', { ...least, source: `file:///${long(1_000_000)}` }],
  ['a source on another host', { ...least, source: 'https://example.com/x.csv' }],
  ['an object that is a path', { ...least, object: 'Account/../Contact' }],
  ['an object of 1,000 characters', { ...least, object: `A${long(1_000)}` }],
  ['an unknown operation', { ...least, operation: 'query' }],
  ['an operation that is a table', { ...least, operation: { insert: true } }],
  ['a load id that leaves its folder', { ...least, loadId: '..' }],
  ['a load id of 201 characters', { ...least, loadId: long(201) }],
  ['a load id that is a list', { ...least, loadId: ['x'] }],
  ['a connection that is an object', { ...least, connection: { name: 'default' } }],
  ['a connection of a megabyte', { ...least, connection: long(1_000_000) }],
  ['an assignment rule that is a path', { ...least, assignmentRuleId: '../../apexrest/x' }],
  ['an output without a text', raw(JSON.stringify({ ...least, output: { toString: null } }))],
  ['a time zone that is a table', { ...least, timeZone: {} }],
  ['an encoding of a megabyte', { ...least, encoding: long(1_000_000) }],
  ['a priority of -1', { ...least, priority: -1 }],
  ['a priority that is text', { ...least, priority: 'NaN' }],
  ['a duration of 31 days', { ...least, jobTimeout: '31d' }],
  ['a duration below zero', { ...least, jobTimeout: '-1' }],
  ['a duration of 1e308', { ...least, jobTimeout: 1e308 }],
  ['a duration that is a list', { ...least, outageLimit: [1] }],
  ['poll settings that are text', { ...least, poll: '5s' }],
  ['an interval of a megabyte', { ...least, poll: { initialInterval: long(1_000_000) } }],
  ['part settings that are a list', { ...least, part: [1] }],
  ['6,000 columns', { ...least, columns: entries(6_000) }],
  ['300 KB of columns', { ...least, columns: { A: long(300_000) } }],
  ['constants that are text', { ...least, constants: 'Name=x' }],
  ['rules that are text', { ...least, retry: { fixes: 'all' } }],
  ['too many rules', { ...least, retry: { fixes: Array(1_000).fill({ code: 'X', do: 'blank' }) } }],
  ['a fixer without a name', { ...least, retry: { fixer: { activity: '', taskQueue: 'x' } } }],
  ['a fixer on a queue of 300 characters', { ...least, retry: { fixer: { activity: 'a', taskQueue: long(300) } } }],
  ['an unknown field', { ...least, apiVersion: 'v66.0/query?q=SELECT+Id+FROM+User&x=' }],
  ['a prototype', raw(`${JSON.stringify(least).slice(0, -1)},"__proto__":{"source":"file:///x"}}`)],
  [
    'a table nested 5,000 deep',
    raw(`{"source":"file:///x","object":"Account","operation":"insert","columns":${nested(5_000)}}`),
  ],
  ...UNREADABLE,
];

describe('inputs', () => {
  it(
    `bulkLoad and checkLoad refuse each of ${INPUTS.length} at once, and repeat little of it`,
    { timeout: 120_000 },
    async () => {
      for (const type of ['bulkLoad', 'checkLoad']) {
        const started = await Promise.all(
          INPUTS.map(async ([what, ...args]) => ({ what, id: await start(type, args) })),
        );
        for (const { what, id } of started) {
          const code = await end(id);
          expect
            .soft(['INVALID_INPUT', 'UNEXPECTED'], `${type}: ${what}: ${code}`)
            .toContain(code === 'ValueError' || code === 'SyntaxError' ? 'UNEXPECTED' : code);
          expect.soft(await failedTasks(id), `${type}: ${what}`).toBe(0);
          const { events } = await world.client.workflow.getHandle(id).fetchHistory();
          const failure = events?.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
          expect.soft((failure?.message ?? '').length, `${type}: ${what}`).toBeLessThan(700);
        }
      }
      expect(world.org.ledger.count()).toBe(0);
    },
  );

  it.each([
    ['orphanJobs', [null]],
    ['orphanJobs', ['x']],
    ['orphanJobs', [{ connection: 5 }]],
    ['orphanJobs', [{ olderThan: '-1' }]],
    ['orphanJobs', [{ olderThan: {} }]],
    ['orphanJobs', [raw('{')]],
    ['pruneResults', []],
    ['pruneResults', [{ olderThan: '1h' }]],
    ['pruneResults', [{ olderThan: { length: 5 } }]],
    ['orgLimits', [{}]],
    ['orgLimits', [long(1_000)]],
    ['orgLimits', [raw('x', 'binary/other')]],
    ['orgAllocation', []],
    ['orgAllocation', [null]],
    ['orgAllocation', [{ org: 'x', rules: { maxJobs: 0 } }]],
    ['orgAllocation', [{ org: 5, rules: {} }]],
    ['orgAllocation', [raw('{')]],
  ] as const)('%s ends with %j', async (type, args) => {
    const id = await start(type, args);
    expect(await end(id)).not.toBe('FROZEN');
    expect(await failedTasks(id)).toBe(0);
  });
});

it('a load whose workflow id leaves no room for the ids of its parts is refused', async () => {
  const id = `bulk-load/${'x'.repeat(930)}`;
  expect(await end(await start('bulkLoad', [least], id))).toBe('INVALID_INPUT');
});

describe('inner workflows', () => {
  const job = {
    connection: 'default',
    apiVersion: 'v66.0/query?q=SELECT+Id,Email+FROM+User&x=',
    object: 'Account',
    operation: 'upsert',
    filesQueue: 'x',
    stageUri: 'file:///etc/',
    part: 1,
    records: 1,
    poll: { initialMs: 100, coefficient: 1, maximumMs: 100, settleMs: 100 },
    jobTimeoutMs: 10_000,
    outageMs: 10_000,
    searchAttributes: [],
    reportProgress: false,
    columnDelimiter: 'COMMA',
    lineEnding: 'LF',
  };
  /** For a job that is already closed, the run would poll it and download its results. */
  const carried = { jobId: '../query?q=SELECT+Id+FROM+User', closed: true, jobs: [], phase: 'processing' };

  it.each([
    ['ingestJob', [job], undefined],
    ['ingestJob', [job, carried], undefined],
    ['ingestJob', [], undefined],
    ['ingestJob', [null, null], undefined],
    ['ingestJob', [job, carried], 'bulk-load/hostile/part-1'],
    ['retryFailedRows', [{}], undefined],
    ['sendHeartbeat', [{ heartbeat: 'nightly', kind: 'success' }], 'bulk-load/hostile/heartbeat-0123abcd'],
    ['sendNotifications', [{}], 'nightload-schedules/q/notStarted/nightly/2026-11-30T02:00:00Z'],
    [
      'sendNotifications',
      [{}, { filesQueue: 'x', outputUri: 'file:///etc/', workUri: 'file:///etc/run-01234567/' }],
      'bulk-load/hostile/notify-0123abcd/failed-1',
    ],
    ['retryFailedRows', [{ ...job, stage: {} }], 'bulk-load/hostile/retry'],
  ] as const)('%s does not run without a load: %j', async (type, args, id) => {
    const before = world.org.ledger.count();
    expect(await end(await start(type, args, id))).toBe('NOT_STARTED_BY_A_LOAD');
    expect(world.org.ledger.count()).toBe(before);
  });

  it('accepts a continue-as-new state only from the previous run', async () => {
    const state = {
      phase: 'loading',
      stage: { uri: 'file:///etc/', parts: 1 },
      located: { filesQueue: 'x' },
      ended: [],
    };
    const id = await start('bulkLoad', [{ ...least, source: `file://${world.folder}/none.csv` }, state]);
    expect(await end(id)).toBe('SOURCE_NOT_FOUND');
    expect(await failedTasks(id)).toBe(0);
  });

  describe('of an attacker with their own worker', () => {
    let connection: NativeConnection;
    let own: Worker;
    let running: Promise<void>;
    const taskQueue = `own-${randomUUID().slice(0, 8)}`;
    beforeAll(async () => {
      connection = await NativeConnection.connect({ address: inject('temporalAddress') });
      const workflowsPath = fileURLToPath(new URL('./workflows/hostile-workflows.ts', import.meta.url));
      const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
      own = await Worker.create({ connection, taskQueue, workflowBundle: { code } });
      running = own.run();
    });
    afterAll(async () => {
      own.shutdown();
      await running;
      await connection.close();
    });

    const attack = async (type: string, args: Omit<Attack, 'taskQueue'>): Promise<string> => {
      const handle = await world.client.workflow.start(type, {
        taskQueue,
        workflowId: `own-${randomUUID()}`,
        args: [{ taskQueue: world.taskQueue, ...args }],
      });
      return handle.result().then(() => 'none', codeOf);
    };
    const ref = { connection: 'default', apiVersion: 'v66.0', jobId: '750000000000001AAA' };

    it.each([
      ['ingestJob', 'abortJob', { ...ref }, 'CALLER_REFUSED'],
      ['ingestJob', 'readJob', { ...ref }, 'CALLER_REFUSED'],
      ['ingestJob', 'readJob', { ...ref, apiVersion: 'v66.0/query?q=SELECT+Id+FROM+User&x=' }, 'INVALID_STEP_INPUT'],
      ['ingestJob', 'closeJob', { ...ref, jobId: '../../sobjects/Account/001' }, 'INVALID_STEP_INPUT'],
      ['ingestJob', 'createJob', null, 'INVALID_STEP_INPUT'],
      ['ingestJob', 'uploadPart', { ...ref, stageUri: 'file:///etc/', part: 1, replaces: [] }, 'CALLER_REFUSED'],
      [
        'ingestJob',
        'downloadResults',
        { ...ref, stageUri: 'file:///etc/', part: -1, operation: 'insert' },
        'INVALID_STEP_INPUT',
      ],
      ['orphanJobs', 'abortJob', { ...ref }, 'CALLER_REFUSED'],
      ['bulkLoad', 'pruneOutput', { before: 1, dryRun: true, list: { loads: 1, unclear: 1 } }, 'CALLER_REFUSED'],
      [
        'bulkLoad',
        'pruneOutput',
        { before: 1, dryRun: true, from: '../x', list: { loads: 1, unclear: 1 } },
        'INVALID_STEP_INPUT',
      ],
      ['orphanJobs', 'listOpenJobs', { connection: 'default', createdUntil: 'x' }, 'INVALID_STEP_INPUT'],
      ['orgAllocation', 'readOrgLimits', { connection: 'default', apiVersion: 'v66.0/../x' }, 'INVALID_STEP_INPUT'],
      ['orgAllocation', 'readOrgLimits', { connection: 'default' }, 'CALLER_REFUSED'],
      [
        'bulkLoad',
        'collectRejected',
        { outputUri: 'file:///tmp/', runId: '../../x', rejected: [] },
        'INVALID_STEP_INPUT',
      ],
      ['bulkLoad', 'describeChild', { workflowId: 'bulk-load/other' }, 'CALLER_REFUSED'],
      ['bulkLoad', 'planLoad', { ...least, columns: entries(6_000) }, 'INVALID_STEP_INPUT'],
    ] as const)('%s: no %s is executed', async (type, activity, input, code) => {
      const before = world.org.ledger.count();
      expect(await attack(type, { activity, args: [input] })).toBe(code);
      expect(world.org.ledger.count()).toBe(before);
    });

    // One that is paused makes no step of its own, and would hand the state on to the next run.
    it.each([{}, { paused: true }])(
      'a load that continues with a forged state, %j, gets no step executed',
      async (more) => {
        const before = world.org.ledger.count();
        const uri = `file://${world.folder}/somebody/run-x/`;
        const tally = { total: 1, seen: 0, succeeded: 0, failed: 0, failedForGood: 0, unprocessed: 0, rejected: 0 };
        const state = {
          phase: 'loading',
          tally: {
            ...tally,
            recovered: 0,
            rerendered: 0,
            rounds: 0,
            disagreeing: 0,
            jobs: [],
            jobsTotal: 0,
            apiRequests: 0,
          },
          located: { filesQueue: world.worker.filesQueue, outputUri: uri, workUri: uri, searchAttributes: [] },
          org: { connection: 'default', apiVersion: 'v66.0' },
          stage: {
            ...{ uri, parts: 1, records: 1, columnDelimiter: 'COMMA', lineEnding: 'LF' },
            groups: [{ operation: 'insert', firstPart: 1, lastPart: 1 }],
            sizes: { from: 1, records: [1] },
          },
          next: 1,
          ended: [{ uri, noted: 0, outcomes: [], jobs: [] }],
          left: { parts: 0, failed: 0, passing: 0, unprocessed: 0, missing: 0, unmatched: 0 },
          shown: [],
          files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
          lost: { creates: [{ from: 0, to: Date.now() + 1e6, creates: 50 }] },
          ...{
            triaged: false,
            canceled: false,
            openJobs: [],
            warnings: [],
            corrections: 0,
            jobsKnownUntil: Date.now(),
          },
          ...more,
        };
        const input = { ...least, source: `file://${world.folder}/none.csv` };
        expect(await attack('bulkLoad', { next: 'bulkLoad', args: [input, state] })).toBe('CALLER_REFUSED');
        expect(world.org.ledger.count()).toBe(before);
      },
    );

    it('a child that looks like a part gets no step executed', async () => {
      const before = world.org.ledger.count();
      const input = { ...job, apiVersion: 'v66.0', filesQueue: world.worker.filesQueue };
      expect(await attack('bulkLoad', { child: 'ingestJob', args: [input] })).toBe('CALLER_REFUSED');
      expect(world.org.ledger.count()).toBe(before);
    });
  });
});

describe('results of steps', () => {
  // From a step that was completed before it called the org.
  afterEach(() => world.org.clearFaults());

  async function pendingId(workflowId: string, activity: string): Promise<string> {
    const pending = async (): Promise<string> => {
      const found = await world.client.workflowService
        .describeWorkflowExecution({ namespace: 'default', execution: { workflowId } })
        .catch(() => undefined);
      const step = found?.pendingActivities?.find(({ activityType }) => activityType?.name === activity);
      // A step can only be completed after a worker has started it.
      return (step?.lastStartedTime && step.activityId) || '';
    };
    await expect.poll(pending, { interval: 50 }).not.toBe('');
    return pending();
  }

  /** Waits until a workflow waits for a step, and completes that step in the worker's place. */
  async function forge(workflowId: string, activity: string, value: unknown): Promise<void> {
    const isRaw = typeof value === 'object' && value !== null && 'raw' in value;
    await world.client.workflowService.respondActivityTaskCompletedById({
      namespace: 'default',
      workflowId,
      activityId: await pendingId(workflowId, activity),
      result: payloads([isRaw ? value : { value, requests: { total: 1, info: 0 } }]),
    });
  }

  const INVALID = { state: 'Failed', error: { code: 'INVALID_ACTIVITY_RESULT' } };
  const SPEC = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' };
  const created = (jobId: string, lostCreates: object[] = []) => ({
    jobId,
    createdById: '005000000000001AAA',
    lostCreates,
    aheadMs: 0,
    maybeSentBefore: false,
  });
  const jobOf = (id: string) => world.org.jobs().find(({ settings }) => settings.id === id);
  /** The worker's requests to the org for a job, except reads of the job. */
  const done = (id: string): string[] => {
    const { requests } = world.org.ledger;
    return requests.filter(({ jobId, kind }) => jobId === id && kind !== 'info').map(({ kind }) => kind);
  };
  const rows = (prefix: string) => accounts(20, (row, n) => ({ ...row, External_Id__c: `${prefix}-${n}` }));
  /** For a load whose create the org carries out without the worker getting its reply. */
  async function begin(
    prefix: string,
    operation: 'insert' | 'upsert',
    answer: string | object,
    more: Partial<BulkLoadInput> = {},
  ): Promise<LoadHandle> {
    const before = world.org.jobs().length;
    world.org.fault({ kind: 'create', action: { stallReply: 1 } });
    const handle = await world.start({ source: await world.csv(rows(prefix)), operation, ...more });
    await expect.poll(() => world.org.jobs().length).toBe(before + 1);
    await forge(`${handle.workflowId}/part-1`, 'createJob', typeof answer === 'string' ? created(answer) : answer);
    return handle;
  }

  // All in one: each waits a minute before a job that may be another program's is aborted.
  // Once in some twenty runs the two jobs of the worker were still Open; why is not known yet.
  it(
    "forged answers to a create give no access to another program's job, and leave none Open",
    { retry: 1 },
    async () => {
      for (const { state, settings } of world.org.jobs()) if (state === 'Open') await endJob(world.org, settings.id);
      const token = world.org.tokenOfAnotherUser();
      const [open, complete] = [
        await openJob(world.org, SPEC, token),
        await sendJob(world.org, 'External_Id__c,Name\nT-1,theirs\n', {}, token),
      ];
      const before = [done(open), done(complete)];
      const first = await begin('F1', 'upsert', open);
      // An attacker who delays the org's reply also completes the following steps.
      world.org.fault({ kind: 'info', path: complete, times: 2, action: 'hang' });
      // Each in an object of its own: two empty jobs that may be either's are named, not aborted.
      const people = (count: number, more = {}): Promise<string> =>
        world.csv(Array.from({ length: count }, (_, n) => ({ LastName: `Doe ${n}`, ...more })));
      const second = await begin('F2', 'insert', complete, { object: 'Contact', source: await people(20) });
      const part = `${second.workflowId}/part-1`;
      await forge(part, 'uploadPart', { records: 20, bytes: 2_000 });
      await forge(part, 'closeJob', { id: complete, state: 'InProgress', processed: 0, failed: 0 });

      const third = await begin('F3', 'insert', created('7500000000000ZZAAA', Array(60_000).fill({ from: 1, to: 2 })), {
        object: 'Lead',
        source: await people(1, { Company: 'Acme' }),
      });

      const refused = { code: 'JOB_NOT_OURS' };
      const results = await Promise.all([first.result(), second.result()]);
      expect(await third.result()).toMatchObject({ ...INVALID, records: { total: 1, unprocessed: 1 } });
      // Jobs that the worker created itself are not left behind.
      const [own, other, last] = world.org.jobs().slice(-3);
      const ends = [own, other, last].map((job) => [job?.settings.object, job?.state, job?.uploads]);
      expect(ends).toEqual(['Account', 'Contact', 'Lead'].map((object) => [object, 'Aborted', 0]));
      const failed = { state: 'Failed', error: refused };
      expect(results).toMatchObject([
        { ...failed, records: { total: 20, succeeded: 0, unprocessed: 20 }, jobs: [{ id: own?.settings.id }] },
        { ...failed, records: { total: 20, succeeded: 0, unaccounted: 20 }, jobs: [{ id: other?.settings.id }] },
      ]);
      expect(results.map(({ error }) => error?.message)).toEqual(
        [open, complete].map((id) => expect.stringContaining(id) as string),
      );
      expect([done(open), done(complete)]).toEqual(before);
      expect(jobOf(open)).toMatchObject({ state: 'Open', uploads: 0 });
      expect(jobOf(complete)).toMatchObject({ state: 'JobComplete', uploads: 1 });
      await endJob(world.org, open);
    },
  );

  it("a forged plan gives no access to another load's rows and notes", async () => {
    const theirs = await world.load({ source: await world.csv(rows('P1')) });
    const uri = new URL('..', theirs.files.succeeded[0]).href;
    const tree = (): Promise<string[]> => readdir(fileURLToPath(uri), { recursive: true });
    const before = await tree();
    const jobs = world.org.jobs().length;
    world.org.fault({ kind: 'describe', action: 'hang' });
    const handle = await world.start({ source: await world.csv(rows('P2')) });
    await forge(handle.workflowId, 'planLoad', {
      apiVersion: 'v66.0',
      warnings: [],
      stage: {
        ...{ uri, parts: 1, records: 20, columnDelimiter: 'COMMA', lineEnding: 'LF' },
        groups: [{ ...SPEC, firstPart: 1, lastPart: 1 }],
        sizes: { from: 1, records: [20] },
      },
    });
    expect(await handle.result()).toMatchObject({ state: 'Failed', error: { code: 'CALLER_REFUSED' } });
    expect(world.org.jobs().slice(jobs)).toMatchObject([{ state: 'Aborted', uploads: 0 }]);
    expect(await tree()).toEqual(before);
  });

  /** A load whose planning waits for the org. */
  async function planning(prefix: string): Promise<LoadHandle> {
    world.org.fault({ kind: 'describe', action: 'hang' });
    return world.start({ source: await world.csv(rows(prefix)) });
  }

  const PLANNED = {
    apiVersion: 'v66.0',
    warnings: [],
    stage: {
      ...{ uri: 'file:///x/', parts: 1, records: 20, columnDelimiter: 'COMMA', lineEnding: 'LF' },
      groups: [{ operation: 'upsert', firstPart: 1, lastPart: 1 }],
      sizes: { from: 1, records: [20] },
    },
  };

  it.each([
    ['an object of half a character', { object: '\ud800' }],
    ['an object of 1 MB', { object: long(1_000_000) }],
    ['a queue that the server keeps for itself', { filesQueue: '/_sys/x/1' }],
    ['a thousand levels', raw(`${'['.repeat(1_000)}${']'.repeat(1_000)}`)],
    ['100,000 numbers', { warnings: Array(100_000).fill(1) }],
    ['a prototype', raw('{"value":{"__proto__":{"x":1}},"requests":{"total":1,"info":0}}')],
    ['the name of a method', { toString: 'x' }],
    ['nothing that it needs', {}],
    ['1e300 rejected rows', { ...PLANNED, rejected: { uri: 'file:///x', rows: 1e300 } }],
    ['1.9 MB of warnings', { ...PLANNED, warnings: Array(95).fill(long(20_000)) }],
    ...UNREADABLE,
  ] as readonly (readonly [string, object])[])(
    'a load whose planning is answered with %s ends',
    async (what, value) => {
      const handle = await planning(`L${what.length}`);
      await forge(handle.workflowId, 'planLoad', value);
      expect(await handle.result()).toMatchObject(INVALID);
    },
  );

  it.each([
    ['an empty object', [{}]],
    ['null', [null]],
    ['counts that are text', [{ requests: { total: 'x', info: [] }, bytes: 'x', memory: 5 }]],
    ['an undecodable payload', [raw('x', 'binary/other')]],
  ])('a step continues after a heartbeat that is %s', async (what, details) => {
    const handle = await planning(`H${what.length}`);
    await world.client.workflowService.respondActivityTaskFailedById({
      ...{ namespace: 'default', workflowId: handle.workflowId },
      activityId: await pendingId(handle.workflowId, 'planLoad'),
      failure: { message: 'x', applicationFailureInfo: { type: 'X' } },
      lastHeartbeatDetails: payloads(details),
    });
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  });

  it('a create that is answered for the worker leaves no job Open, whatever other jobs there are', async () => {
    const others = [await openJob(world.org, SPEC), await openJob(world.org, SPEC)];
    const before = world.org.jobs().length;
    world.org.fault({ kind: 'create', action: { delayReply: 5_000 } });
    const handle = await world.start({ source: await world.csv(rows('C')) });
    await forge(`${handle.workflowId}/part-1`, 'createJob', created('7500000000000ZZAAA'));
    await expect.poll(() => world.org.jobs()[before]?.state, { timeout: 60_000 }).toBe('Aborted');
    for (const id of others) {
      expect(jobOf(id)?.state).toBe('Open');
      await endJob(world.org, id);
    }
    // It believes for ten minutes that its job may come back.
    for (const id of [handle.workflowId, `${handle.workflowId}/part-1`]) {
      await world.client.workflow.getHandle(id).terminate();
    }
  });

  it.each([
    ['undecodable details', { applicationFailureInfo: { type: 'X', details: payloads([raw('x', 'a/b')]) } }],
    ['attributes of half a character', { encodedAttributes: payloads([{ message: '\ud800' }]).payloads[0] }],
    ['attributes that are broken JSON', { encodedAttributes: payloads([raw('{"message')]).payloads[0] }],
  ] as readonly (readonly [
    string,
    { applicationFailureInfo?: object; encodedAttributes?: object; message?: string },
  ])[])('a load whose planning fails with %s ends, and the worker stays up', async (what, failure) => {
    const handle = await planning(`E${what.length}`);
    const applicationFailureInfo = { nonRetryable: true, ...failure.applicationFailureInfo };
    await world.client.workflowService.respondActivityTaskFailedById({
      ...{ namespace: 'default', workflowId: handle.workflowId },
      activityId: await pendingId(handle.workflowId, 'planLoad'),
      failure: { message: 'x', source: 'x', ...failure, applicationFailureInfo },
    });
    expect(await handle.result()).toMatchObject({ state: 'Failed' });
    expect(await world.load({ source: await world.csv(rows(`A${what.length}`)) })).toMatchObject({
      state: 'Completed',
    });
  });

  it('a forged list makes orphanJobs abort nothing', async () => {
    const jobId = await openJob(world.org, SPEC, world.org.tokenOfAnotherUser());
    world.org.fault({ kind: 'list', action: 'hang' });
    const id = await start('orphanJobs', [{ abort: true, olderThan: '1s' }]);
    const listed = { ...{ id: jobId, object: 'Account', operation: 'upsert', createdById: '' }, createdDate: '' };
    await forge(id, 'listOpenJobs', { apiVersion: 'v66.0', jobs: [{ ...listed, ours: true }] });
    expect(await world.client.workflow.getHandle(id).result()).toMatchObject({ jobs: [{ aborted: false }] });
    expect(jobOf(jobId)?.state).toBe('Open');
    expect(done(jobId)).toEqual([]);
    await endJob(world.org, jobId);
  });
});

const BAD: readonly (readonly [string, ...unknown[]])[] = [
  ['nothing'],
  ['null', null],
  ['a list', [1, 2]],
  ['a text', 'x'],
  ['a text of 50,000 characters', long(50_000)],
  ['a number', -1],
  ['a prototype', raw('{"__proto__":{"id":"x"},"constructor":1}')],
  [
    'fields of wrong types',
    { n: 'x', phase: 5, id: {}, processed: 'x', failed: null, total: [], code: 1, records: 'x' },
  ],
  ['numbers without bounds', { n: 1e308, phase: 'done', id: 'x/1', processed: 1e308, records: 1e308, batches: -1e308 }],
  ['a part that does not exist', { n: 20_001, phase: 'done', processed: 0, failed: 0, total: 0 }],
  ...UNREADABLE,
];
const SIGNALS = ['pause', 'resume', 'pollNow', 'partProgress', 'retryProgress', 'granted', 'nobody-knows-it'];
const LEDGER_SIGNALS = ['request', 'renew', 'settle', 'giveBack', 'learn', 'granted', 'nobody-knows-it'];

describe('messages', () => {
  const ledgerId = (): string => `nightload-allocation/${new URL(world.org.url).host}`;

  async function flood(workflowId: string, names: readonly string[]): Promise<void> {
    for (const name of names) await Promise.all(BAD.map(([, ...args]) => signal(workflowId, name, args)));
  }

  it(
    `a running load receives ${BAD.length * SIGNALS.length} of them, each of its workflows, and completes`,
    { timeout: 120_000 },
    async () => {
      await world.org.setRecordsPerSecond(100);
      const handle = await world.start({ source: await world.csv(accounts(3_000)) });
      const child = `${handle.workflowId}/part-1`;
      await expect.poll(() => world.org.jobs().at(-1)?.processed ?? 0).toBeGreaterThan(0);
      await flood(child, SIGNALS);
      await flood(handle.workflowId, SIGNALS);
      await flood(ledgerId(), LEDGER_SIGNALS);
      // Some of them were a pause and a resume, whatever else they contained.
      await handle.resume();
      await world.org.setRecordsPerSecond(50_000);
      const result = await handle.result();
      expect(result).toMatchObject({ state: 'Completed', records: { total: 3_000, succeeded: 3_000 }, balanced: true });
      expect(result.warnings).toBeUndefined();
      for (const id of [child, handle.workflowId]) expect.soft(await failedTasks(id), id).toBe(0);
      await expectSound(world, result);
    },
  );

  it('a reason that a sender forged stops neither a load nor the ledger', { timeout: 120_000 }, async () => {
    await world.org.setRecordsPerSecond(100);
    const handle = await world.start({
      source: await world.csv(accounts(1_000, (row, n) => ({ ...row, External_Id__c: `F-${n}` }))),
    });
    const child = `${handle.workflowId}/part-1`;
    await expect.poll(async () => (await handle.progress()).parts[0]?.phase).toBe('processing');
    const header = { fields: { tracer: FORGED } };
    for (const id of [handle.workflowId, child, ledgerId()]) {
      for (const name of [...SIGNALS, ...LEDGER_SIGNALS].filter((one) => one !== 'pause')) {
        await signal(id, name, [], header);
        await world.client.workflowService.signalWorkflowExecution({
          ...{ namespace: 'default', workflowExecution: { workflowId: id }, signalName: name },
          input: { payloads: [FORGED] },
        });
      }
    }
    await world.org.setRecordsPerSecond(50_000);
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 1_000 } });
    for (const id of [child, handle.workflowId, ledgerId()]) expect.soft(await failedTasks(id), id).toBe(0);
    const source = await world.csv(accounts(20, (row, n) => ({ ...row, External_Id__c: `G-${n}` })));
    expect(await world.load({ source })).toMatchObject({ state: 'Completed' });
  });

  it('undecodable queries are refused, and hurt neither a load nor the ledger', async () => {
    await world.org.setRecordsPerSecond(100);
    const handle = await world.start({
      source: await world.csv(accounts(1_000, (row, n) => ({ ...row, External_Id__c: `Q-${n}` }))),
    });
    await expect.poll(async () => (await handle.progress()).parts[0]?.phase).toBe('processing');
    const bad = [...payloads([raw('x', 'binary/other')]).payloads, FORGED];
    const asked = [handle.workflowId, `${handle.workflowId}/part-1`, ledgerId()].flatMap((workflowId) =>
      bad.flatMap((payload) =>
        Array.from({ length: 10 }, () =>
          world.client.workflowService
            .queryWorkflow({
              ...{ namespace: 'default', execution: { workflowId } },
              query: { queryType: 'progress', queryArgs: { payloads: [payload] } },
            })
            .catch(() => undefined),
        ),
      ),
    );
    await Promise.all(asked);
    await world.org.setRecordsPerSecond(50_000);
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 1_000 } });
    for (const id of [handle.workflowId, ledgerId()]) expect.soft(await failedTasks(id), id).toBe(0);
  });

  it('no message of an attacker fills, starves or stops the ledger', { timeout: 120_000 }, async () => {
    const rules = { recordsPerWindow: 1, batchesPerWindow: 1, windowMs: 60_000, reservedRecords: 0, maxJobs: 1 };
    const asked = {
      holder: 'nobody',
      words: 'x',
      priority: 1,
      records: 1e12,
      batches: 1e9,
      patienceMs: 1e12,
      connection: 'default',
      apiVersion: 'v66.0',
      rules,
    };
    await world.org.setRecordsPerSecond(100);
    const first = await world.start({ source: await world.csv(accounts(3_000)) });
    await expect.poll(() => world.org.jobs().at(-1)?.processed ?? 0).toBeGreaterThan(0);
    for (let n = 1; n <= 30; n++) await signal(ledgerId(), 'request', [{ ...asked, id: `stranger/${n}` }]);
    for (let n = 31; n <= 60; n++)
      await signal(ledgerId(), 'settle', [{ id: `stranger/${n}`, records: 1e12, batches: 1e9 }]);
    await signal(ledgerId(), 'learn', [{ code: 'EXCEEDED_QUOTA' }]);
    await signal(ledgerId(), 'learn', [{ code: 'EXCEEDED_QUOTA', id: 'stranger/99' }]);
    await signal(ledgerId(), 'request', [{ ...asked, id: 'stranger/100', rules: { ...rules, maxJobs: 0 } }]);
    const second = await world.start({
      source: await world.csv(accounts(20, (row, n) => ({ ...row, External_Id__c: `S-${n}` }))),
    });
    const result = await second.result();
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
    expect(result.warnings).toBeUndefined();
    await world.org.setRecordsPerSecond(50_000);
    expect(await first.result()).toMatchObject({ state: 'Completed' });
    expect(await failedTasks(ledgerId())).toBe(0);
  });

  it(
    'a waiting load refuses bad corrections at once, and accepts good ones after them',
    { timeout: 120_000 },
    async () => {
      const rows = accounts(10, (row, n) => ({
        ...row,
        External_Id__c: `H-${n}`,
        Name: n === 1 ? '' : `Account ${n}`,
      }));
      const handle = await world.start({
        source: await world.csv(rows),
        retry: { maxRounds: 0, holdFor: '10m' },
      } as Partial<BulkLoadInput> & { source: string });
      await expect.poll(async () => (await handle.progress()).phase, { timeout: 30_000 }).toBe('holding');
      const update = async (...args: unknown[]): Promise<string> =>
        world.client.workflow
          .getHandle(handle.workflowId)
          .executeUpdate('submitCorrections', { args } as never)
          .then(
            () => 'taken',
            (error: Error) => codeOf(error.cause),
          );
      const bad = [
        [],
        [null],
        ['file:///x.csv'],
        [{ source: 5 }],
        [{ source: `file:///${long(1_000_000)}` }],
        [{ source: 'https://example.com/x.csv' }],
        [{ source: 'file:///x.csv', delimiter: { toString: null } }],
        [{ source: 'file:///x.csv', encoding: long(1_000) }],
      ];
      const began = Date.now();
      for (const args of bad)
        expect.soft(await update(...args), JSON.stringify(args).slice(0, 80)).toBe('CORRECTIONS_REFUSED');
      expect(Date.now() - began).toBeLessThan(20_000);
      await flood(handle.workflowId, SIGNALS);
      await handle.resume();
      await correct(handle);
      expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 10, rejected: 0 } });
      expect(await failedTasks(handle.workflowId)).toBe(0);
    },
  );

  async function correct(handle: LoadHandle): Promise<void> {
    const { rejectedFile } = await handle.progress();
    const [row] = await readCsv(rejectedFile);
    const source = await world.csv([{ ...row, Name: 'Account 1' } as Record<string, string>]);
    await world.client.workflow.getHandle(handle.workflowId).executeUpdate('submitCorrections', { args: [{ source }] });
  }
});

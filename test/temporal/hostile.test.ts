/**
 * Somebody who may start and signal workflows, and nothing else, sends what they like to every workflow: nothing of it
 * freezes a load, ends one, takes the ledger from others, or makes the worker ask the org for anything.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BulkLoadInput } from '../../src/contract.js';
import type { LoadHandle } from '../../src/load-handle.js';
import { accounts, expectSound, openWorld, readCsv } from '../support/load.js';
import type { World } from '../support/load.js';
import type { Attack } from './hostile-workflows.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

interface Raw {
  encoding?: string;
  data: string;
}
/** Sent as it stands: JSON that no program would write, or bytes that nobody can decode. */
const raw = (data: string, encoding = 'json/plain'): { raw: Raw } => ({ raw: { data, encoding } });
const UNREADABLE = [
  ['JSON that breaks off', raw('{"source": "fi')],
  ['an encoding that nobody knows', raw('x', 'binary/other')],
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

async function signal(workflowId: string, signalName: string, args: readonly unknown[]): Promise<void> {
  await world.client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    signalName,
    input: payloads(args),
  });
}

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
  return (events ?? []).filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes != null)
    .length;
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
  ['an operation that nobody knows', { ...least, operation: 'query' }],
  ['an operation that is a table', { ...least, operation: { insert: true } }],
  ['a load id that leaves its folder', { ...least, loadId: '..' }],
  ['a load id of 201 characters', { ...least, loadId: long(201) }],
  ['a load id that is a list', { ...least, loadId: ['x'] }],
  ['a connection that is none', { ...least, connection: { name: 'default' } }],
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
  ['rules without end', { ...least, retry: { fixes: Array(1_000).fill({ code: 'X', do: 'blank' }) } }],
  ['a fixer without a name', { ...least, retry: { fixer: { activity: '', taskQueue: 'x' } } }],
  ['a fixer on a queue of 300 characters', { ...least, retry: { fixer: { activity: 'a', taskQueue: long(300) } } }],
  ['a field that nobody knows', { ...least, apiVersion: 'v66.0/query?q=SELECT+Id+FROM+User&x=' }],
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
  /** A job that is closed already: the run would poll it, and fetch its results. */
  const carried = { jobId: '../query?q=SELECT+Id+FROM+User', closed: true, jobs: [], phase: 'processing' };

  it.each([
    ['ingestJob', [job], undefined],
    ['ingestJob', [job, carried], undefined],
    ['ingestJob', [], undefined],
    ['ingestJob', [null, null], undefined],
    ['ingestJob', [job, carried], 'bulk-load/hostile/part-1'],
    ['retryFailedRows', [{}], undefined],
    ['retryFailedRows', [{ ...job, stage: {} }], 'bulk-load/hostile/retry'],
  ] as const)('%s does not run without a load: %j', async (type, args, id) => {
    const before = world.org.ledger.count();
    expect(await end(await start(type, args, id))).toBe('NOT_STARTED_BY_A_LOAD');
    expect(world.org.ledger.count()).toBe(before);
  });

  it('a state to go on with counts only from the run before', async () => {
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

  describe('of somebody with a worker of their own', () => {
    let connection: NativeConnection;
    let own: Worker;
    let running: Promise<void>;
    const taskQueue = `own-${randomUUID().slice(0, 8)}`;
    beforeAll(async () => {
      connection = await NativeConnection.connect({ address: inject('temporalAddress') });
      const workflowsPath = fileURLToPath(new URL('./hostile-workflows.ts', import.meta.url));
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
      ['orphanJobs', 'listOpenJobs', { connection: 'default', createdUntil: 'x' }, 'INVALID_STEP_INPUT'],
      ['orgAllocation', 'readOrgLimits', { connection: 'default', apiVersion: 'v66.0/../x' }, 'INVALID_STEP_INPUT'],
      ['orgAllocation', 'readOrgLimits', { connection: 'default' }, 'CALLER_REFUSED'],
      [
        'bulkLoad',
        'gatherRejected',
        { outputUri: 'file:///tmp/', runId: '../../x', rejected: [] },
        'INVALID_STEP_INPUT',
      ],
      ['bulkLoad', 'describeChild', { workflowId: 'bulk-load/other' }, 'CALLER_REFUSED'],
      ['bulkLoad', 'planLoad', { ...least, columns: entries(6_000) }, 'INVALID_STEP_INPUT'],
    ] as const)('%s has %s not done', async (type, activity, input, code) => {
      const before = world.org.ledger.count();
      expect(await attack(type, { activity, args: [input] })).toBe(code);
      expect(world.org.ledger.count()).toBe(before);
    });

    it('a load that goes on with a state of theirs is not helped by any step', async () => {
      const before = world.org.ledger.count();
      const uri = `file://${world.folder}/somebody/run-x/`;
      const books = { total: 1, seen: 0, succeeded: 0, failed: 0, failedForGood: 0, unprocessed: 0, rejected: 0 };
      const state = {
        phase: 'loading',
        books: {
          ...books,
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
        left: { parts: 0, failed: 0, passing: 0, unprocessed: 0, missing: 0, odd: 0 },
        shown: [],
        files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
        lost: { creates: [{ from: 0, to: Date.now() + 1e6, creates: 50 }] },
        ...{ sorted: false, canceled: false, openJobs: [], warnings: [], corrections: 0, soundAt: Date.now() },
      };
      const input = { ...least, source: `file://${world.folder}/none.csv` };
      expect(await attack('bulkLoad', { next: 'bulkLoad', args: [input, state] })).toBe('CALLER_REFUSED');
      expect(world.org.ledger.count()).toBe(before);
    });

    it('a child that looks like a part is not helped by any step', async () => {
      const before = world.org.ledger.count();
      const input = { ...job, apiVersion: 'v66.0', filesQueue: world.worker.filesQueue };
      expect(await attack('bulkLoad', { child: 'ingestJob', args: [input] })).toBe('CALLER_REFUSED');
      expect(world.org.ledger.count()).toBe(before);
    });
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
  ['a part that nobody has', { n: 20_001, phase: 'done', processed: 0, failed: 0, total: 0 }],
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
    `a load that runs takes ${BAD.length * SIGNALS.length} of them, each of its workflows, and completes`,
    { timeout: 120_000 },
    async () => {
      await world.org.setRecordsPerSecond(100);
      const handle = await world.start({ source: await world.csv(accounts(3_000)) });
      const child = `${handle.workflowId}/part-1`;
      await expect.poll(() => world.org.jobs().at(-1)?.processed ?? 0, { timeout: 20_000 }).toBeGreaterThan(0);
      await flood(child, SIGNALS);
      await flood(handle.workflowId, SIGNALS);
      await flood(ledgerId(), LEDGER_SIGNALS);
      // Some of them were a pause and a resume, whatever else they carried.
      await handle.resume();
      await world.org.setRecordsPerSecond(50_000);
      const result = await handle.result();
      expect(result).toMatchObject({ state: 'Completed', records: { total: 3_000, succeeded: 3_000 }, balanced: true });
      expect(result.warnings).toBeUndefined();
      for (const id of [child, handle.workflowId]) expect.soft(await failedTasks(id), id).toBe(0);
      await expectSound(world, result);
    },
  );

  it('no message of a stranger fills, starves or stops the ledger', { timeout: 120_000 }, async () => {
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
    await expect.poll(() => world.org.jobs().at(-1)?.processed ?? 0, { timeout: 20_000 }).toBeGreaterThan(0);
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
    'a load that holds refuses bad corrections at once, and takes good ones after them',
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

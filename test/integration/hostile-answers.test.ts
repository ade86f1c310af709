/**
 * Somebody who may start workflows puts anything into memos, answers, results and schedules. Expected of each command:
 * it ends in bounded time (watch: at Ctrl-C, or with the workflow), reports what it cannot read with a code and never
 * as UNEXPECTED, prints no control characters and no stack, and shows everybody else's loads all the same.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { RawValue } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listRuns } from '../../src/client/pages.js';
import type { ListedRun } from '../../src/client/pages.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { RESULT_MEMO } from '../../src/contract/names.js';
import { quietWorkers } from '../helpers/load-harness.js';
import { freshNamespace } from '../helpers/namespace.js';
import { nightload } from '../helpers/run-cli.js';

const STEER = '\u001b[2J\u001b]0;owned\u0007\r\u202e';
const address = inject('temporalAddress');
const taskQueue = `hostile-${randomUUID().slice(0, 8)}`;
let namespace = '';
let connection: Connection;
let native: NativeConnection;
let client: Client;
let worker: Worker;
let running: Promise<void>;

beforeAll(async () => {
  quietWorkers(new DefaultLogger('ERROR'));
  namespace = await freshNamespace(address);
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
  native = await NativeConnection.connect({ address });
  const workflowsPath = fileURLToPath(new URL('../helpers/hostile-workflows.ts', import.meta.url));
  worker = await Worker.create({ connection: native, namespace, taskQueue, workflowsPath });
  running = worker.run();
});
afterAll(async () => {
  worker.shutdown();
  await running;
  await native.close();
  await connection.close();
});

interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

interface Running {
  limitMs?: number;
  /** Ctrl-C once this is printed. */
  until?: RegExp;
  env?: NodeJS.ProcessEnv;
}

/** Runs a command and checks what every command must do. */
async function run(args: string[], { limitMs = 30_000, until, env = {} }: Running = {}): Promise<Ended> {
  const began = Date.now();
  const own = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, NIGHTLOAD_TASK_QUEUE: taskQueue };
  const command = nightload(args, { ...own, ...env });
  const kill = setTimeout(() => command.child.kill('SIGKILL'), limitMs);
  const look = setInterval(() => {
    if (until?.test(command.stderr()) === true) command.child.kill('SIGINT');
  }, 100);
  const code = await command.ended;
  clearTimeout(kill);
  clearInterval(look);
  const ended = { code, stdout: command.stdout(), stderr: command.stderr() };
  const all = ended.stdout + ended.stderr;
  const name = `${args.join(' ')} (${Date.now() - began} ms): ${all.slice(0, 1_000)}`;
  expect(['SIGKILL', 'SIGABRT', 'SIGSEGV'], name).not.toContain(code);
  expect(all.replaceAll('\n', ''), name).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(all, name).not.toMatch(/UNEXPECTED|Invalid URL|object Object|undefined|NaN|\n\s+at |TypeError|RangeError/);
  expect(all.length, name).toBeLessThan(10_000);
  return ended;
}

async function start(name: string, kind: string, memo: Record<string, unknown> = {}, queue = taskQueue) {
  return client.workflow.start('bulkLoad', {
    workflowId: `bulk-load/${name}`,
    taskQueue: queue,
    args: [kind],
    memo,
    staticSummary: STEER,
    staticDetails: STEER.repeat(600),
  });
}

const KINDS = ['null', 'text', 'deep', 'long', 'numbers', 'escapes', 'proto', 'throws'];
const SHOWN = KINDS.filter((kind) => kind !== 'text' && kind !== 'proto');
/** What is shown although something is unreadable. */
const READABLE = ['deep', 'long', 'escapes'];

describe('a running workflow that answers', () => {
  beforeAll(async () => {
    await Promise.all(KINDS.map((kind) => start(kind, kind)));
    // Never answers: nobody runs it.
    await start('never', 'never', { nightloadFilesQueue: STEER, nightloadFilesHost: STEER }, 'nobody');
  });

  it.concurrent.each(SHOWN)('%s is shown by status', async (kind) => {
    const { code, stdout, stderr } = await run(['status', kind, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ loadId: kind, state: 'Running' });
    expect(stderr).toContain(READABLE.includes(kind) ? '10 rows, 0 landed so far' : 'LOAD_UNREADABLE');
    expect(stderr).not.toContain('No worker');
  });

  it('anything is followed by watch until Ctrl-C', async () => {
    const kinds = ['escapes', 'throws'];
    const watches = await Promise.all(kinds.map((kind) => run(['watch', kind], { until: /rows|LOAD_UNREADABLE/ })));
    expect(watches.map(({ code }) => code)).toEqual([130, 130]);
    expect(watches.map(({ stderr }) => stderr.includes('LOAD_UNREADABLE'))).toEqual([false, true]);
  });

  it('nothing, because nobody runs it: status and correct end and say so', async () => {
    const [status, correct] = await Promise.all([
      run(['status', 'never', '--json']),
      run(['correct', 'never', fileURLToPath(import.meta.url), '--timeout', '2s']),
    ]);
    expect(status.code).toBe(0);
    expect(status.stderr).toContain('No worker');
    expect(correct.code).toBe(1);
    expect(correct.stderr).toContain('NO_WORKER');
  });

  it('nonsense can be paused and canceled', async () => {
    expect((await run(['pause', 'numbers', '--json'])).code).toBe(0);
    expect((await run(['cancel', 'numbers'])).code).toBe(0);
  });

  it('to corrections: nothing, nonsense, or a long refusal', async () => {
    const file = fileURLToPath(import.meta.url);
    const correct = (kind: string): Promise<Ended> => run(['correct', kind, file, '--timeout', '2s', '--json']);
    const [never, nonsense, refusal] = await Promise.all([correct('deep'), correct('text'), correct('null')]);
    expect([never.code, nonsense.code, refusal.code]).toEqual([1, 1, 1]);
    expect(never.stderr).toContain('NO_ANSWER');
    expect(nonsense.stderr).toContain('LOAD_UNREADABLE');
    expect(refusal.stderr).toContain('LOAD_UNREADABLE');
    expect(refusal.stderr).not.toContain('zzz');
  });

  it('is joined by no one, and its result is read by no one', async () => {
    const input = { source: 'file:///a.csv', object: 'Account', operation: 'insert', loadId: 'text' } as const;
    await expect(startBulkLoad(client, input, { taskQueue })).rejects.toMatchObject({ code: 'LOAD_ID_IN_USE' });
    const kinds = ['text', 'throws'];
    const watches = kinds.map((kind) => run(['watch', kind, '--json']));
    for (const kind of kinds) await client.workflow.getHandle(`bulk-load/${kind}`).signal('end');
    const [returned, failed] = await Promise.all(watches);
    expect([returned?.code, failed?.code]).toEqual([1, 1]);
    expect(returned?.stderr).toContain('LOAD_UNREADABLE');
    expect(failed?.stderr).toContain('LOAD_TERMINATED');
  });
});

/** A payload that says that its value is in another storage: the SDK refuses the whole answer that contains it. */
const REFERENCE: Payload = {
  metadata: {
    encoding: Buffer.from('json/protobuf'),
    messageType: Buffer.from('temporal.api.sdk.v1.ExternalStorageReference'),
  },
  data: Buffer.from(JSON.stringify({ driverName: STEER, claimData: {} })),
};
const raw = (encoding: string, data: string): RawValue =>
  RawValue.fromPayload({ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) });

describe('memos and schedules', () => {
  const whole = {
    loadId: 'forged',
    workflowId: 'bulk-load/people',
    runId: 'r',
    state: 'Completed',
    object: 'Account',
    operation: 'insert',
    records: { total: 1, succeeded: 1, rejected: 0, unprocessed: 0, unaccounted: 0 },
    balanced: true,
    retry: { rounds: 0, recovered: 0, rerendered: 0 },
    jobsTotal: 0,
    apiRequests: 0,
    files: { succeeded: [], forPeople: 'xy' },
  };
  const MEMOS: Record<string, Record<string, unknown>> = {
    people: { [RESULT_MEMO]: whole },
    reference: { [RESULT_MEMO]: RawValue.fromPayload(REFERENCE), other: RawValue.fromPayload(REFERENCE) },
    broken: { [RESULT_MEMO]: raw('json/plain', '{'), other: raw(STEER, 'x') },
    proto: { [RESULT_MEMO]: raw('json/plain', '{"__proto__":{"state":"Completed"},"records":{"total":-1}}') },
    nested: { [RESULT_MEMO]: raw('json/plain', '['.repeat(900_000) + ']'.repeat(900_000)) },
  };
  const LARGE = Array.from({ length: 10 }, (_, n) => `large-${n}`);
  let other = '';
  let inOther: Client;

  beforeAll(async () => {
    other = await freshNamespace(address);
    inOther = new Client({ connection, namespace: other });
    const begin = async (name: string, memo: Record<string, unknown>): Promise<void> => {
      const options = { workflowId: `bulk-load/${name}`, taskQueue: 'nobody', args: [], memo };
      await (await inOther.workflow.start('bulkLoad', options)).terminate(STEER);
    };
    await Promise.all(Object.entries(MEMOS).map(([name, memo]) => begin(name, memo)));
    for (const name of LARGE) await begin(name, { [RESULT_MEMO]: { ...whole, pad: 'x'.repeat(1_900_000) } });
  });

  it('list shows every load, whatever is in their memos, also when a page would be too large', async () => {
    const env = { TEMPORAL_NAMESPACE: other };
    await expect
      .poll(async () => (await inOther.workflow.count("WorkflowType = 'bulkLoad'")).count)
      .toBe(LARGE.length + Object.keys(MEMOS).length);
    const list = await run(['list', '--json'], { env });
    expect(list.code).toBe(0);
    for (const name of [...LARGE, ...Object.keys(MEMOS)]) expect(list.stderr).toContain(`${name}  `);
    expect(list.stderr).toContain('The results of 2 of these 15 loads cannot be read here.');
    const limits = await run(['limits', '--timeout', '2s'], { env: { ...env, NIGHTLOAD_TASK_QUEUE: 'nobody' } });
    expect(limits.stderr).toContain('NO_WORKER');
  });

  it.each([
    ['status', 'people', 'LOAD_TERMINATED'],
    ['status', 'reference', 'LOAD_UNREADABLE'],
    ['results', 'broken', 'CODEC_PAYLOAD_DAMAGED'],
    ['status', 'nested', 'LOAD_TERMINATED'],
    ['results', 'large-0', 'NO_RESULT_YET'],
  ])('%s of %s', async (command, name, code) => {
    const ended = await run([command, name], { env: { TEMPORAL_NAMESPACE: other } });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(code);
  });

  it('a page that is too large becomes smaller, down to one entry; then the list ends with the reason', async () => {
    const query = "WorkflowType = 'bulkLoad'";
    for (const [bytes, least] of [
      [5_000_000, LARGE.length],
      [1_000_000, 0],
    ] as const) {
      const channelArgs = { 'grpc.max_receive_message_length': bytes };
      const small = await Connection.connect({ address, channelArgs, interceptors: [] });
      const inSmall = new Client({ connection: small, namespace: other });
      const show = ({ execution }: ListedRun): string => execution?.workflowId ?? '';
      const { entries: names, cut } = await listRuns(inSmall, query, { limit: 20, show });
      expect(names.filter((name) => name.includes('large')).length).toBe(least);
      expect(cut?.code).toBe(least === 0 ? 'TEMPORAL_ANSWER_TOO_LARGE' : undefined);
      await small.close();
    }
  });

  it('schedule list and describe show what they can read', async () => {
    const env = { TEMPORAL_NAMESPACE: other };
    const schedules: [string, unknown, unknown][] = [
      ['steering', { cron: [STEER], timeZone: 'Mars/Olympus', source: 5 }, { source: STEER, object: STEER }],
      ['text', 'x', 'x'],
      ['reference', RawValue.fromPayload(REFERENCE), null],
      ['large', { pad: 'x'.repeat(1_500_000) }, null],
    ];
    for (const [scheduleId, nightloadSchedule, input] of schedules) {
      await inOther.schedule.create({
        scheduleId,
        spec: { cronExpressions: ['0 1 * * *'] },
        action: { type: 'startWorkflow', workflowType: 'bulkLoad', taskQueue: 'nobody', args: [input] },
        memo: { nightloadSchedule },
        state: { note: STEER.repeat(100) },
      });
    }
    const ids = schedules.map(([id]) => id);
    await expect
      .poll(
        async () => {
          const list = await run(['schedule', 'list', '--json'], { env });
          expect(list.code).toBe(0);
          return ids.filter((id) => list.stderr.includes(`${id}  `));
        },
        { timeout: 20_000 },
      )
      .toEqual(ids);
    // The server itself cannot describe the schedule with a reference.
    const readable = ids.filter((id) => id !== 'reference');
    const shown = await Promise.all(readable.map((id) => run(['schedule', 'describe', id, '--json'], { env })));
    expect(shown.map(({ code }) => code)).toEqual([0, 0, 0]);
  });
});

it('a ledger that answers nonsense is named, and hides no other', async () => {
  const workflowId = 'nightload-allocation/evil';
  await client.workflow.start('orgAllocation', { workflowId, taskQueue, args: [] });
  const run1 = async (): Promise<Ended> => run(['limits', '--json', '--timeout', '3s']);
  await expect.poll(async () => (await run1()).stderr, { timeout: 20_000 }).toContain('LOAD_UNREADABLE');

  // Newer ones on another queue, and others' workflows of the same type on ours.
  const strangers = Array.from({ length: 55 }, (_, n) => [
    { workflowId: `nightload-allocation/stranger-${n}`, taskQueue: 'nobody' },
    { workflowId: `stranger\n\n${n}`, taskQueue },
  ]);
  await Promise.all(strangers.flat().map((one) => client.workflow.start('orgAllocation', { ...one, args: [] })));
  await expect.poll(async () => (await run1()).stderr, { timeout: 20_000 }).toContain('Not all ledgers are shown.');
  const { code, stderr } = await run1();
  expect(code).toBe(1);
  expect(stderr).toContain(`LOAD_UNREADABLE: The answer of ${workflowId}`);
  expect(stderr).not.toContain('No load uses the allocation');
  expect(stderr).not.toContain('stranger\n');
});

/**
 * Records the histories of loads of all kinds for `replay.test.ts`. Run with `npm run record` after a change of a
 * workflow.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { schedulesChangedSignal, watcherIdOf } from '../../src/protocol/messages/schedule-messages.js';
import { notifierFrom } from '../../src/workers/notifier.js';
import { accounts, FAST, openWorld, readCsv, startTestWorker } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

let world: World;
beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  // Those of released versions stay: loads that they began may still run.
  for (const name of await readdir(FOLDER)) if (name.endsWith('.json')) await rm(join(FOLDER, name));
  world = await openWorld();
});
afterAll(() => world.end());

/** Stack traces contain folders of the recording machine, and replay ignores them. */
function withoutPaths(key: string, value: unknown): unknown {
  return key === 'stackTrace' ? '' : value;
}

async function record(
  name: string,
  rows: Row[],
  input: Partial<BulkLoadInput>,
  during?: (handle: LoadHandle) => Promise<void>,
): Promise<void> {
  const handle = await world.start({ source: await world.csv(rows), loadId: name, ...input });
  await during?.(handle);
  await handle.result();
  for (const workflowId of await withChildren(handle.workflowId)) await save(workflowId);
}

async function save(workflowId: string, name = workflowId.replace('bulk-load/', '')): Promise<void> {
  const history = await world.client.workflow.getHandle(workflowId).fetchHistory();
  await writeFile(
    join(FOLDER, `${name.replaceAll('/', '--')}.json`),
    `${JSON.stringify({ workflowId, history: JSON.parse(historyToJSON(history), withoutPaths) as unknown })}\n`,
  );
}

/** The workflows that load nothing. */
async function recordOthers(): Promise<void> {
  const { client, taskQueue } = world;
  const source = await world.csv(keyed('R13', 10));
  const others: [string, unknown[]][] = [
    ['checkLoad', [{ source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' }]],
    ['orphanJobs', [{ olderThan: '1s' }]],
    ['orgLimits', []],
    ['pruneResults', [{ olderThan: '1d' }]],
  ];
  for (const [type, args] of others) {
    await client.workflow.execute(type, { workflowId: type, taskQueue, args });
    await save(type);
  }
  // It waits for the time in which usage counts, so it has not ended.
  const query = `WorkflowType = 'orgAllocation' AND TaskQueue = '${taskQueue}'`;
  for await (const { workflowId } of client.workflow.list({ query })) await save(workflowId, 'orgAllocation');
}

/** A workflow with the children in its history, recursively. */
async function withChildren(workflowId: string): Promise<string[]> {
  const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
  const children = (events ?? []).flatMap(
    (event) => event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId ?? [],
  );
  return [workflowId, ...(await Promise.all(children.map(withChildren))).flat()];
}

const keyed = (prefix: string, count: number, change: (row: Row, n: number) => Row = (row) => row): Row[] =>
  accounts(count, (row, n) => change({ ...row, External_Id__c: `${prefix}-${n}` }, n));

it('records loads of all kinds', async () => {
  await record('all-good', keyed('R1', 50), {});
  await record(
    'locks-and-rejects',
    keyed('R2', 60, (row, n) =>
      n % 10 === 0
        ? { ...row, Description: '[locked once]' }
        : n === 7
          ? { ...row, Description: '[always locked]' }
          : n === 3
            ? { ...row, Name: '' }
            : row,
    ),
    {},
  );
  await record('three-parts', keyed('R3', 60), { part: { maxBytes: 1_100, maxConcurrent: 2 } });
  world.org.failNextJobAfter(20);
  await record('failed-half-way', keyed('R4', 50), {});
  world.org.fault({ kind: 'upload', action: { status: 500 } });
  await record('upload-refused', keyed('R5', 10), {});
  const refused = { status: 403, errorCode: 'INSUFFICIENT_ACCESS', message: 'no' };
  // A refusal is final once it has been repeated; without describe, the header is sent unchanged.
  world.org.fault({ kind: 'describe', times: 3, action: refused });
  await record(
    'unknown-header',
    keyed('R6', 10).map((row) => ({ ...row, Nonsense__c: 'x' })),
    {},
  );
  await record(
    'circuit-open',
    keyed('R7', 100, (row) => ({ ...row, Name: '' })),
    {
      part: { maxBytes: 1_500, maxConcurrent: 1 },
      abortWhen: { failedRatio: 0.5, afterRecords: 5 },
    },
  );
  await record('empty-file', [], {});
  await record(
    'fixed-by-rule',
    keyed('R9', 30, (row, n) => (n % 10 === 0 ? { ...row, Name: 'x'.repeat(300) } : row)),
    { retry: { ...FAST.retry, fixes: [{ code: 'STRING_TOO_LONG', do: 'truncate' }] } },
  );
  await record(
    'held-in-vain',
    keyed('R10', 30, (row, n) => (n % 10 === 0 ? { ...row, Name: '' } : row)),
    { keepColumns: true, retry: { ...FAST.retry, holdFor: '1s' } },
  );
  await record(
    'corrected',
    keyed('R11', 30, (row, n) => (n % 10 === 0 ? { ...row, Name: '' } : row)),
    { retry: { ...FAST.retry, holdFor: '1h' } },
    async (handle) => {
      await expect.poll(async () => (await handle.progress()).phase, { timeout: 20_000 }).toBe('holding');
      const rejected = await readCsv((await handle.progress()).rejectedFile);
      const source = await world.csv(rejected.map((row) => ({ ...row, Name: 'Mended' })));
      await handle.submitCorrections({ source }, 'corrected');
    },
  );
  await world.org.setRecordsPerSecond(100);
  await record('paused', keyed('R12', 300), { part: { maxBytes: 5_000, maxConcurrent: 1 } }, async (handle) => {
    const noted = async (): Promise<number> => {
      const { events } = await world.client.workflow.getHandle(handle.workflowId).fetchHistory();
      const asked = new Set(
        events
          ?.filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'notePause')
          .map(({ eventId }) => String(eventId)),
      );
      const done = (event: NonNullable<typeof events>[number]): boolean =>
        asked.has(String(event.activityTaskCompletedEventAttributes?.scheduledEventId));
      return events?.filter(done).length ?? 0;
    };
    await handle.pause();
    await expect.poll(noted, { timeout: 20_000 }).toBe(1);
    await handle.resume();
    await expect.poll(noted, { timeout: 20_000 }).toBe(2);
    await world.org.setRecordsPerSecond(20_000);
  });
  await world.org.setRecordsPerSecond(100);
  const before = world.org.jobs().length;
  await record('cancelled', keyed('R8', 12_000), {}, async (handle) => {
    await expect.poll(() => world.org.jobs()[before]?.processed ?? 0, { timeout: 20_000 }).toBeGreaterThan(50);
    await handle.cancel();
    await world.org.setRecordsPerSecond(20_000);
  });
  await recordOthers();
});

it('records messages, heartbeats and the watcher of schedules', async () => {
  const { client, org, folder } = world;
  const taskQueue = `${world.taskQueue}-told`;
  const file = join(folder, 'notify.json');
  const heartbeats = { nightly: org.url };
  // Nobody is there, so a message is tried again.
  const targets = { ops: { type: 'webhook', url: 'http://127.0.0.1:9/', secret: 'a key' } };
  const rules = [{ when: ['finished', 'notStarted'], to: ['ops'] }];
  await writeFile(file, JSON.stringify({ targets, rules, heartbeats }), { mode: 0o600 });
  const env = { NIGHTLOAD_NOTIFY: file, NIGHTLOAD_SCHEDULE_GRACE: '1s' };
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const notifier = notifierFrom(env, () => undefined);
  const worker = await startTestWorker(connection, org, folder, taskQueue, { notifier });
  const source = await world.csv(keyed('R14', 10));
  const input = { source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' } as const;
  const told = await startBulkLoad(client, { ...input, loadId: 'told', heartbeatUrl: 'nightly' }, { taskQueue });
  await told.result();
  const watcher = watcherIdOf(taskQueue);
  const schedule = await client.schedule.create({
    scheduleId: 'recorded',
    spec: { intervals: [{ every: '3s' }] },
    action: {
      ...{ type: 'startWorkflow', workflowType: 'bulkLoad', workflowId: 'bulk-load/recorded', taskQueue },
      args: [{ ...input, source: `${source}.later`, waitForSource: '1h' }],
    },
    policies: { overlap: 'SKIP' },
  });
  await client.workflow.getHandle(watcher).signal(schedulesChangedSignal);
  await expect.poll(() => withChildren(watcher), { timeout: 40_000 }).toHaveLength(3);
  await schedule.delete();
  // A run id in the name would rename the file each time.
  const nameOf = (id: string): string => id.replace('bulk-load/', '').replace(/-[0-9a-f]{8}(?=\/|$)/, '');
  for (const one of await withChildren('bulk-load/told')) await save(one, nameOf(one));
  const [, message] = await withChildren(watcher);
  await save(watcher, 'watchSchedules');
  await save(message as string, 'notStarted');
  await worker.stop();
  await connection.close();
});

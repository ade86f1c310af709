/** The worker's log says who started, corrected, canceled and aborted what, in which org. */
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { cleanIdentity } from '../../src/activities/audit-log.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import { accounts, auditLines, FAST, newLoadId, openWorld, readCsv } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
let connection: Connection;
beforeAll(async () => {
  world = await openWorld();
  connection = await Connection.connect({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await connection.close();
  await world.end();
});

const as = (identity: string): Client => new Client({ connection, identity });
const lines = (workflow: string): unknown[] =>
  auditLines
    .filter((line) => String(line['workflow']).startsWith(workflow))
    .map(({ message, by }) => `${message} ${String(by)}`);

async function start(who: string, more: Partial<BulkLoadInput>) {
  const loadId = newLoadId('audit');
  const rows = accounts(3_000, (row, n) => ({
    ...row,
    External_Id__c: `${loadId}-${n}`,
    ...(n === 1 && { Name: '' }),
  }));
  const input = {
    source: await world.csv(rows),
    object: 'Account',
    operation: 'upsert' as const,
    loadId,
    ...FAST,
    ...more,
  };
  return startBulkLoad(as(who), { ...input, externalIdFieldName: 'External_Id__c' }, { taskQueue: world.taskQueue });
}

it('names the clients, and the org', async () => {
  const handle = await start('anna@desk', { retry: { maxRounds: 0, holdFor: '10m' } });
  await expect.poll(async () => (await handle.progress()).phase, { timeout: 30_000 }).toBe('holding');
  const [row] = await readCsv((await handle.progress()).rejectedFile);
  const source = await world.csv([{ ...row, Name: 'Account 1' } as Record<string, string>]);
  const update = as('bert\u001b[31m@desk').workflow.getHandle(handle.workflowId);
  await update.executeUpdate('submitCorrections', { args: [{ source }] });
  await handle.result();
  expect(lines(handle.workflowId)).toEqual(['audit: start anna@desk', 'audit: correction bert?[31m@desk']);
  expect(auditLines.find(({ workflow }) => workflow === handle.workflowId)).toMatchObject({
    org: new URL(world.org.url).host,
    connectionName: 'default',
    loadId: handle.workflowId.replace('bulk-load/', ''),
  });
});

it('names who paused and who resumed, once each, however often others repeat it', async () => {
  await world.org.setRecordsPerSecond(300);
  const handle = await start('anna@desk', {});
  const as3 = (identity: string) => as(identity).workflow.getHandle(handle.workflowId);
  await expect.poll(() => lines(handle.workflowId)).toContain('audit: start anna@desk');
  // A busy machine may repeat a step: after an interrupted upload its job is aborted, which is a line too.
  const pauses = (): unknown[] =>
    lines(handle.workflowId).filter((line) => /^audit: (pause|resume) /.test(String(line)));
  for (const who of ['dora@desk', 'eve@desk', 'eve@desk']) await as3(who).signal('pause');
  const paused = ['audit: pause dora@desk'];
  await expect.poll(pauses).toEqual(paused);
  // These change nothing.
  for (let n = 0; n < 3; n++) await as3('eve@desk').signal('pause');
  await as3('fred\u001b[2J@desk').signal('resume');
  const resumed = [...paused, 'audit: resume fred?[2J@desk'];
  await expect.poll(pauses).toEqual(resumed);
  await Promise.all(Array.from({ length: 300 }, (_, n) => as3('flood@desk').signal(n % 2 === 0 ? 'pause' : 'resume')));
  await as3('fred@desk').signal('resume');
  await world.org.setRecordsPerSecond(50_000);
  expect(await handle.result()).toMatchObject({ records: { succeeded: 2_999 } });
  const { events } = await as3('anna@desk').fetchHistory();
  const noted = (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: asked }) => asked?.activityType?.name === 'notePause',
  );
  expect(noted.length).toBeLessThanOrEqual(50);
  const steps = new Set(noted.map(({ eventId }) => String(eventId)));
  const attempts = (events ?? []).reduce((sum, { activityTaskStartedEventAttributes: begun }) => {
    return steps.has(String(begun?.scheduledEventId)) ? sum + (begun?.attempt ?? 0) : sum;
  }, 0);
  const written = lines(handle.workflowId).join('\n');
  expect(pauses().length, written).toBeGreaterThanOrEqual(noted.length);
  expect(pauses().length, written).toBeLessThanOrEqual(attempts);
});

it('names who canceled, also when a part aborts its job', async () => {
  await world.org.setRecordsPerSecond(100);
  const before = world.org.jobs().length;
  const handle = await start('anna@desk', {});
  await expect.poll(() => world.org.jobs()[before]?.processed ?? 0).toBeGreaterThan(0);
  await as('carl@desk').workflow.getHandle(handle.workflowId).cancel();
  await expect.poll(() => world.org.jobs()[before]?.state).toBe('Aborted');
  await world.org.setRecordsPerSecond(50_000);
  await handle.result();
  expect(lines(handle.workflowId)).toEqual([
    'audit: start anna@desk',
    'audit: abort carl@desk',
    'audit: cancel carl@desk',
  ]);
});

it.each([
  [undefined, 'unknown'],
  ['', 'unknown'],
  [5, 'unknown'],
  ['a\u202eb\nc\u001b[0m', 'a?b?c?[0m'],
  ['x'.repeat(1_000), 'x'.repeat(200)],
])('treats an identity as untrusted text: %j', (identity, clean) => {
  expect(cleanIdentity(identity)).toBe(clean);
});

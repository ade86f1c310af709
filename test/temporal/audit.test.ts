/** The worker's log says who started, corrected, canceled and aborted what, in which org. */
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { cleanIdentity } from '../../src/activities/audit.js';
import { startBulkLoad } from '../../src/client.js';
import type { BulkLoadInput } from '../../src/contract.js';
import { accounts, auditLines, FAST, openWorld, readCsv } from '../support/load.js';
import type { World } from '../support/load.js';

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

async function start(who: string, loadId: string, more: Partial<BulkLoadInput>) {
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
  const handle = await start('anna@desk', 'audit-1', { retry: { maxRounds: 0, holdFor: '10m' } });
  await expect.poll(async () => (await handle.progress()).phase, { timeout: 30_000 }).toBe('holding');
  const [row] = await readCsv((await handle.progress()).rejectedFile);
  const source = await world.csv([{ ...row, Name: 'Account 1' } as Record<string, string>]);
  const update = as('bert\u001b[31m@desk').workflow.getHandle(handle.workflowId);
  await update.executeUpdate('submitCorrections', { args: [{ source }] });
  await handle.result();
  expect(lines('bulk-load/audit-1')).toEqual(['audit: start anna@desk', 'audit: correction bert?[31m@desk']);
  expect(auditLines[0]).toMatchObject({
    org: new URL(world.org.url).host,
    connectionName: 'default',
    loadId: 'audit-1',
  });
});

it('names who canceled, also where a part aborts its job', async () => {
  await world.org.setRecordsPerSecond(100);
  const before = world.org.jobs().length;
  const handle = await start('anna@desk', 'audit-2', {});
  await expect.poll(() => world.org.jobs()[before]?.processed ?? 0, { timeout: 20_000 }).toBeGreaterThan(0);
  await as('carl@desk').workflow.getHandle(handle.workflowId).cancel();
  await expect.poll(() => world.org.jobs()[before]?.state, { timeout: 20_000 }).toBe('Aborted');
  await world.org.setRecordsPerSecond(50_000);
  await handle.result();
  expect(lines('bulk-load/audit-2')).toEqual([
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
])("an identity is other people's text: %j", (identity, clean) => {
  expect(cleanIdentity(identity)).toBe(clean);
});

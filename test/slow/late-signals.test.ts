/** Signals at unexpected times: after a cancellation, while a part waits, while a file is still being written. */
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { accounts, expectSound, FAST, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.end());

/** Full speed, so that the rest of a test takes no time. */
const fast = (): Promise<void> => world.org.setRecordsPerSecond(50_000);
const jobState = (n: number): string | undefined => world.org.jobs()[n]?.state;
const processed = (n: number): number => world.org.jobs()[n]?.processed ?? 0;

async function expectAllCounted(result: BulkLoadResult): Promise<void> {
  await expectSound(world, result);
  // The org has finished its batch by now.
  await sleep(1_000);
  expect(world.org.records('Account')).toHaveLength(result.records.succeeded);
}

describe('after a cancel', () => {
  it('a pollNow does not end the load before landed rows are counted', async () => {
    await world.org.setRecordsPerSecond(500);
    const handle = await world.start({ source: await world.csv(accounts(25_000)) });
    await expect.poll(() => processed(0)).toBeGreaterThan(200);
    await handle.cancel();
    await expect.poll(() => jobState(0)).toBe('Aborted');
    await world.client.workflow.getHandle(handle.workflowId).signal('pollNow');
    await fast();
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Canceled', balanced: true });
    await expectAllCounted(result);
  });

  it.each([
    ['pollNow', 'of the retry', (handle: LoadHandle) => `${handle.workflowId}/retry`],
    ['resume', 'of the load', (handle: LoadHandle) => handle.workflowId],
    ['pause', 'of the load', (handle: LoadHandle) => handle.workflowId],
  ])('a %s %s does not end a retry before landed rows are counted', async (signal, _whose, of) => {
    const rows = accounts(12_000).map((row, i) => (i < 11_000 ? { ...row, Description: '[locked once]' } : row));
    const insert = { operation: 'insert' as const, externalIdFieldName: undefined as never };
    const handle = await world.start({ source: await world.csv(rows), ...insert });
    await expect.poll(() => jobState(0)).toBe('JobComplete');
    await world.org.setRecordsPerSecond(500);
    await expect.poll(() => processed(1)).toBeGreaterThan(200);
    await handle.cancel();
    await expect.poll(() => jobState(1)).toBe('Aborted');
    await world.client.workflow.getHandle(of(handle)).signal(signal);
    await fast();
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Canceled', balanced: true });
    await expectAllCounted(result);
  });
});

it('a pause holds back the next job after a failed upload', async () => {
  world.org.fault({ kind: 'upload', action: { resetUpload: 0.5 } });
  const handle = await world.start({ source: await world.csv(accounts(20)) });
  await expect.poll(() => jobState(0)).toBe('Aborted');
  await handle.pause();
  // The next job would follow after five seconds.
  await sleep(8_000);
  expect(world.org.jobs()).toHaveLength(1);
  await handle.resume();
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
});

it('a pause during a retried create aborts the job that it creates', async () => {
  world.org.fault({ kind: 'create', times: 3, action: { status: 503 } });
  const handle = await world.start({ source: await world.csv(accounts(20)) });
  await expect.poll(() => world.org.ledger.requests.filter(({ kind }) => kind === 'create').length).toBeGreaterThan(0);
  await handle.pause();
  // It would accept an upload at once.
  await expect.poll(() => jobState(0)).toBe('Aborted');
  await sleep(2_000);
  expect(world.org.jobs()).toHaveLength(1);
  expect(world.org.jobs()[0]?.uploads).toBe(0);
  await handle.resume();
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  await expectSound(world, result);
});

it('no signal makes a file count as complete that is still being written', async () => {
  const path = join(world.folder, 'late.csv');
  const rows = accounts(200);
  const handle = await world.start({
    source: pathToFileURL(path).href,
    waitForSource: '1h',
    poll: { ...FAST.poll, settleInterval: '6s' },
  });
  await writeFile(path, stringify(rows.slice(0, 100), { header: true }));
  await expect.poll(async () => (await handle.progress()).waitingFor).toContain('complete');
  await handle.pause();
  await handle.resume();
  await world.client.workflow.getHandle(handle.workflowId).signal('pollNow');
  await sleep(3_000);
  expect((await handle.progress()).waitingFor).toContain('complete');
  await appendFile(path, stringify(rows.slice(100)));
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { total: 200, succeeded: 200 } });
});

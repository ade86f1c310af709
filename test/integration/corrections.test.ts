import { existsSync } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Context } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadProgress } from '../../src/contract/load-progress.js';
import type { Corrections, CorrectionsTaken, FixerInput } from '../../src/contract/corrections.js';
import { nightload } from '../helpers/run-cli.js';
import { accounts, expectSound, FAST, newLoadId, openWorld, readCsv } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

const LONG = 'x'.repeat(300);

function keyed(prefix: string, rows: Row[]): Row[] {
  return rows.map((row, i) => ({ ...row, External_Id__c: `${prefix}-${i + 1}` }));
}

async function until(handle: LoadHandle, ready: (progress: LoadProgress) => boolean): Promise<LoadProgress> {
  for (let i = 0; i < 300; i++) {
    const progress = await handle.progress();
    if (ready(progress)) return progress;
    await sleep(100);
  }
  throw new Error('it never came to that');
}

const holding = (handle: LoadHandle): Promise<LoadProgress> => until(handle, ({ phase }) => phase === 'holding');

function applied(prefix: string): Map<string, number> {
  return new Map(
    world.org
      .records('Account')
      .filter(({ values }) => values.get('External_Id__c')?.startsWith(`${prefix}-`))
      .map((record) => [record.values.get('External_Id__c') as string, record.applied]),
  );
}

describe('fix rules', () => {
  it('shorten values that are too long, and change nothing without a rule', async () => {
    const rows = keyed('F1', accounts(200)).map((row, i) => (i % 50 === 0 ? { ...row, Name: `${i} ${LONG}` } : row));
    rows[10] = { ...(rows[10] as Row), Name: '' };
    const source = await world.csv(rows);
    const without = await world.load({ source });
    expect(without.records).toMatchObject({ succeeded: 195, rejected: 5 });
    const result = await world.load({
      source,
      retry: { ...FAST.retry, fixes: [{ code: 'STRING_TOO_LONG', do: 'truncate' }] },
    });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 200, succeeded: 199, rejected: 1, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 1, recovered: 4, rerendered: 0 },
    });
    const changes = await readCsv(result.files.changes);
    expect(changes.map(({ key, column, rule }) => ({ key, column, rule }))).toEqual(
      [1, 51, 101, 151].map((n) => ({
        key: `F1-${n}`,
        column: 'Name',
        rule: expect.stringContaining('truncate') as string,
      })),
    );
    expect(changes[0]).toMatchObject({ before: `0 ${LONG}`, after: `0 ${LONG}`.slice(0, 255) });
    expect((await readCsv(result.files.rejected))[0]?.['sf__Error']).toMatch(/^REQUIRED_FIELD_MISSING/);
    await expectSound(world, result);
    // The changed rows keep the other values of the source's row.
    const landed = world.org.records('Account').find(({ values }) => values.get('External_Id__c') === 'F1-51');
    expect(landed?.values.get('Description')).toBe('line 1\nline "2", of 51');
  });
});

describe('corrections by people', () => {
  it('are accepted by a waiting load, which sends only those rows', async () => {
    const rows = keyed('C1', accounts(300)).map((row, i) => (i % 100 === 0 ? { ...row, Name: '' } : row));
    const handle = await world.start({ source: await world.csv(rows), retry: { ...FAST.retry, holdFor: '1h' } });
    const progress = await holding(handle);
    expect(progress).toMatchObject({
      records: { succeeded: 297, rejected: 3 },
      waitingFor: expect.stringContaining('3 rejected') as string,
    });
    const rejected = await readCsv(progress.rejectedFile);
    expect(rejected).toHaveLength(3);
    const soFar = await handle.soFar();
    expect(soFar).toMatchObject({ jobsTotal: 1, jobs: [{ records: 300, failed: 3 }] });
    expect(soFar.files).toMatchObject({
      succeeded: [expect.stringContaining('succeeded')],
      rejected: progress.rejectedFile,
    });
    expect(soFar.apiRequests).toBeGreaterThan(5);
    expect(await handle.takenBefore('first')).toBeUndefined();

    // Two of three, one of them still wrong; with reordered columns, without the platform's own.
    const corrected = rejected.slice(0, 2).map(({ Description, External_Id__c }, i) => ({
      Description: Description ?? '',
      Name: i === 0 ? 'Mended' : '',
      EXTERNAL_ID__C: External_Id__c ?? '',
    }));
    const source = await world.csv(corrected, 'C1-mended.csv');
    // Blank rows that a spreadsheet leaves at the end do not count.
    await appendFile(fileURLToPath(source), ',,\n"","",""\n');
    const warning = 'Corrections: 2 blank rows were skipped, the first of them after data row 2.';
    const taken = { rows: 2, remaining: 1, warnings: [warning] };
    expect(await handle.submitCorrections({ source }, 'first')).toEqual(taken);
    // The same file as the same update: accepted once, which can be queried.
    expect(await handle.takenBefore('first')).toEqual(taken);
    expect(await handle.submitCorrections({ source }, 'first')).toEqual(taken);
    const again = await until(handle, ({ phase, records }) => phase === 'holding' && records.succeeded === 298);
    expect(again.records).toMatchObject({ rejected: 2, unaccounted: 0 });

    const rest = (await readCsv(again.rejectedFile)).map((row) => ({ ...row, Name: 'Mended too' }));
    expect(await handle.submitCorrections({ source: await world.csv(rest, 'C1-rest.csv') }, 'second')).toEqual({
      rows: 2,
      remaining: 0,
    });
    const result = await handle.result();
    expect(result).toMatchObject({
      state: 'Completed',
      records: { total: 300, succeeded: 300, rejected: 0, unprocessed: 0, unaccounted: 0 },
      balanced: true,
      retry: { recovered: 3 },
    });
    expect(result.files.rejected).toBeUndefined();
    await expectSound(world, result);
    expect(result.jobs?.map(({ records }) => records).sort((a, b) => a - b)).toEqual([2, 2, 300]);
    const counts = applied('C1');
    expect(counts.size).toBe(300);
    expect([...counts.values()].every((times) => times === 1)).toBe(true);
  });

  it('can be made in a copy that is safe for spreadsheets while the load waits, but not sent from it', async () => {
    const rows = keyed('C0', accounts(3)).map((row, i) => (i < 2 ? { ...row, Name: '', Description: '=1+1' } : row));
    const source = await world.csv(rows);
    const handle = await world.start({ source, defuse: true, retry: { ...FAST.retry, holdFor: '1h' } });
    const { rejectedFile } = await holding(handle);
    const { files } = await handle.soFar();
    const copy = files.forPeople?.rejected;
    expect(copy).toBe(rejectedFile?.replace('rejected.csv', 'rejected-for-people.csv'));
    expect((await readCsv(rejectedFile)).map((row) => row['Description'])).toEqual(['=1+1', '=1+1']);
    expect((await readCsv(copy)).map((row) => row['Description'])).toEqual(["'=1+1", "'=1+1"]);
    const refused = handle.submitCorrections({ source: copy ?? '' }, 'copy');
    await expect(refused).rejects.toMatchObject({
      code: 'CORRECTIONS_REFUSED',
      message: expect.stringContaining('copy for reading') as string,
    });
    const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue };
    const status = nightload(['status', handle.workflowId], env);
    expect(await status.ended).toBe(0);
    expect(status.stderr() + status.stdout()).toContain(`for a spreadsheet: ${copy}`);

    // The rows left after a correction, and then none.
    const [first, second] = (await readCsv(rejectedFile)).map((row): Row => ({ ...row, Name: 'Mended' }));
    await handle.submitCorrections({ source: await world.csv([first as Row], 'C0-first.csv') }, 'first');
    await until(handle, ({ phase, records }) => phase === 'holding' && records.succeeded === 2);
    expect((await readCsv(copy)).map((row) => row['External_Id__c'])).toEqual([second?.['External_Id__c']]);
    await handle.submitCorrections({ source: await world.csv([second as Row], 'C0-second.csv') }, 'second');
    const result = await handle.result();
    expect(result.state).toBe('Completed');
    expect(result.files).not.toHaveProperty('forPeople');
    expect(existsSync(fileURLToPath(copy ?? ''))).toBe(false);
  });

  it('are refused as a whole if they are not about rejected rows, and the load keeps waiting', async () => {
    const rows = keyed('C2', accounts(50)).map((row, i) => (i < 2 ? { ...row, Name: '' } : row));
    const handle = await world.start({ source: await world.csv(rows), retry: { ...FAST.retry, holdFor: '1h' } });
    const [first] = await readCsv((await holding(handle)).rejectedFile);
    const good = { ...(first as Row), Name: 'Good' };
    const refusals: [Row[] | string, RegExp][] = [
      [[good, { ...good, External_Id__c: 'C2-30' }], /Data row 2.*External_Id__c/],
      [[good, good], /Data row 2/],
      [[{ ...good, External_Id__c: '' }], /Data row 1.*has no External_Id__c/],
      [[{ ...good, Extra: '1' }], /Extra/],
      [[{ Name: 'x', External_Id__c: 'C2-1' }], /no column Description/],
      ['External_Id__c,Name,Description\n"C2-1,x,y\n', /CSV_UNCLOSED_QUOTE/],
      ['External_Id__c,Name,Description\n', /no rows/],
    ];
    for (const [content, reason] of refusals) {
      const path = join(world.folder, 'C2.csv');
      await writeFile(path, typeof content === 'string' ? content : stringify(content, { header: true }));
      const sent = handle.submitCorrections({ source: pathToFileURL(path).href }, `${reason}`);
      await expect(sent).rejects.toMatchObject({
        code: 'CORRECTIONS_REFUSED',
        message: expect.stringMatching(reason) as string,
      });
    }
    const missing = pathToFileURL(join(world.folder, 'missing.csv')).href;
    await expect(handle.submitCorrections({ source: missing }, 'missing')).rejects.toMatchObject({
      code: 'CORRECTIONS_REFUSED',
      message: expect.stringContaining('SOURCE_NOT_FOUND') as string,
    });
    await expect(handle.submitCorrections({ source: 'file:///nowhere/x.csv' }, 'a')).rejects.toMatchObject({
      code: 'CORRECTIONS_REFUSED',
    });
    await expect(handle.submitCorrections({ source: 'C2.csv' }, 'b')).rejects.toMatchObject({
      code: 'CORRECTIONS_REFUSED',
    });
    expect(await handle.progress()).toMatchObject({ phase: 'holding', records: { rejected: 2 } });
    await handle.cancel();
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Canceled', records: { succeeded: 48, rejected: 2, unaccounted: 0 } });
    await expectSound(world, result);
  });

  it('may be sent again under the same name after a refusal is fixed', async () => {
    const rows = keyed('C5', accounts(20)).map((row, i) => (i === 0 ? { ...row, Name: '' } : row));
    const handle = await world.start({ source: await world.csv(rows), retry: { ...FAST.retry, holdFor: '1h' } });
    await holding(handle);
    const path = join(world.folder, 'C5.csv');
    await writeFile(path, Buffer.from('External_Id__c;Name;Description\nC5-1;M\xfcller;x\n', 'latin1'));
    const source = pathToFileURL(path).href;
    await expect(handle.submitCorrections({ source }, 'C5')).rejects.toMatchObject({
      message: expect.stringContaining('load it with --encoding, or') as string,
    });
    expect(await handle.submitCorrections({ source, encoding: 'windows-1252' }, 'C5')).toEqual({
      rows: 1,
      remaining: 0,
    });
    expect(await handle.result()).toMatchObject({ state: 'Completed' });
    const landed = world.org.records('Account').find(({ values }) => values.get('External_Id__c') === 'C5-1');
    expect(landed?.values.get('Name')).toBe('Müller');
  });

  it('are too late while the last ones are sent, and do not delay the load', async () => {
    const rows = keyed('C6', accounts(20)).map((row, i) => (i < 2 ? { ...row, Name: '' } : row));
    const handle = await world.start({ source: await world.csv(rows), retry: { ...FAST.retry, holdFor: '1h' } });
    const rejected = await readCsv((await holding(handle)).rejectedFile);
    const source = await world.csv(rejected.map((row) => ({ ...row, Name: 'Mended' })));
    const both = await Promise.allSettled([
      handle.submitCorrections({ source }, 'C6-a'),
      handle.submitCorrections({ source }, 'C6-b'),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 20, unaccounted: 0 } });
    expect([...applied('C6').values()].every((times) => times === 1)).toBe(true);
  });

  it('to an insert never change a record that the load did not create', async () => {
    const other = keyed('C7', accounts(1)).map((row) => ({ ...row, Name: 'Somebody else' }));
    await world.load({ source: await world.csv(other) });
    const rows = keyed('C7', accounts(5)).map((row, i) => (i === 1 ? { ...row, Name: '' } : row));
    const handle = await world.start({
      source: await world.csv(rows),
      operation: 'insert',
      externalIdFieldName: 'External_Id__c',
      retry: { ...FAST.retry, holdFor: '8s' },
    });
    const rejected = await readCsv((await holding(handle)).rejectedFile);
    expect(rejected).toHaveLength(2);
    const source = await world.csv(rejected.map((row) => ({ ...row, Name: 'Mended' })));
    await handle.submitCorrections({ source }, 'C7');
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'CompletedWithRejects', records: { succeeded: 4, rejected: 1 } });
    const found = world.org.records('Account').filter(({ values }) => values.get('External_Id__c') === 'C7-1');
    expect(found.map(({ values }) => values.get('Name'))).toEqual(['Somebody else']);
  });

  it('and kept columns of an earlier load are not mixed up with those of the next run', async () => {
    const rows = keyed('C8', accounts(3)).map((row, i) => (i === 0 ? { ...row, Name: '' } : row));
    const loadId = newLoadId('twice');
    const first = await world.load({ source: await world.csv(rows), loadId, keepColumns: true });
    const handle = await startBulkLoad(
      world.client,
      {
        source: await world.csv(keyed('C8', accounts(3))),
        object: 'Account',
        operation: 'upsert',
        externalIdFieldName: 'External_Id__c',
        loadId,
        keepColumns: true,
        ...FAST,
      },
      { taskQueue: world.taskQueue, again: true },
    );
    const second = await handle.result();
    expect(await readCsv(second.files.kept)).toHaveLength(3);
    expect(first.files.kept).toBe(second.files.kept);
    expect(second.files.rejected).toBeUndefined();
  });

  it('are awaited for the configured time only', async () => {
    const rows = keyed('C3', accounts(20)).map((row, i) => (i === 3 ? { ...row, Name: '' } : row));
    const handle = await world.start({ source: await world.csv(rows), retry: { ...FAST.retry, holdFor: '1s' } });
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'CompletedWithRejects', records: { succeeded: 19, rejected: 1 } });
    await expectSound(world, result);
  });

  it('are not awaited if no row was rejected, and rows without a key are reported', async () => {
    const good = await world.load({
      source: await world.csv(keyed('C4', accounts(5))),
      retry: { ...FAST.retry, holdFor: '1h' },
    });
    expect(good.state).toBe('Completed');
    const rows = accounts(5, ({ External_Id__c: _, ...row }, n) => (n === 1 ? { ...row, Name: '' } : (row as Row)));
    const insert = await world.load({
      source: await world.csv(rows),
      operation: 'insert',
      retry: { ...FAST.retry, holdFor: '1h' },
    });
    expect(insert).toMatchObject({ state: 'CompletedWithRejects', records: { rejected: 1 } });
    expect(insert.warnings).toEqual([expect.stringContaining('did not hold')]);
  });
});

describe('corrections of a key that several rows of the source have', () => {
  // Rows with the same key lie in different chunks of 200: the platform refuses two of them in one.
  const FIRST = 0;
  const LAST = 640;
  const nameOf = (key: string): string | undefined =>
    world.org
      .records('Account')
      .find(({ values }) => values.get('External_Id__c') === key)
      ?.values.get('Name');
  const shorter = (row: Row, to = 8): Row => ({ ...row, Name: (row['Name'] ?? '').slice(0, to) });

  async function hold(prefix: string, more: (rows: Row[]) => Row[], input: Partial<BulkLoadInput> = {}) {
    const rows = keyed(prefix, accounts(650));
    const source = await world.csv(more(rows));
    const handle = await world.start({ source, retry: { ...FAST.retry, holdFor: '5m' }, ...input });
    await holding(handle);
    const correct = async (id: string, ...corrected: Row[]): Promise<CorrectionsTaken> =>
      handle.submitCorrections({ source: await world.csv(corrected) }, id);
    return { source, handle, correct };
  }
  const late = {
    code: 'CORRECTIONS_REFUSED',
    message: expect.stringMatching(/^Data row 2 of the corrected file: a newer row/) as string,
  };

  it('never overwrite a newer row that landed with an older one, and count as the newest, however often corrected', async () => {
    let one = {} as Row;
    let older = {} as Row;
    let newer = {} as Row;
    const { handle, correct } = await hold('D0', (rows) => {
      one = { ...(rows[2] as Row), Name: `one ${LONG}` };
      older = { ...(rows[LAST] as Row), Name: `older ${LONG}` };
      newer = { ...(rows[FIRST] as Row), Name: `newer ${LONG}` };
      return [older, ...rows.with(2, one), newer];
    });
    await expect(correct('all', ...[one, older, newer].map((row) => shorter(row)))).rejects.toMatchObject(late);
    // The newest row of its key was rejected: the landed one is older. It is still too long, and is rejected again.
    expect(await correct('long', shorter(newer, 280))).toMatchObject({ rows: 1, remaining: 2 });
    await until(handle, ({ records, phase }) => phase === 'holding' && records.rejected === 3);
    expect(await correct('right', ...[one, newer].map((row) => shorter(row)))).toMatchObject({ rows: 2, remaining: 1 });
    await expect.poll(() => nameOf('D0-1')).toBe('newer xx');
    expect([nameOf('D0-641'), nameOf('D0-3')]).toEqual(['Account 641', 'one xxxx']);
    await handle.cancel();
    await handle.result();
  });

  it('are refused if the source is gone, because then it is unknown which row is newer', async () => {
    let one = {} as Row;
    let older = {} as Row;
    const { source, handle, correct } = await hold('D1', (rows) => {
      one = { ...(rows[2] as Row), Name: `one ${LONG}` };
      older = { ...(rows[LAST] as Row), Name: `older ${LONG}` };
      return [older, ...rows.with(2, one)];
    });
    await rm(fileURLToPath(source));
    await expect(correct('both', shorter(one), shorter(older))).rejects.toMatchObject(late);
    expect(await correct('one', shorter(one))).toMatchObject({ rows: 1, remaining: 1 });
    await handle.cancel();
    await handle.result();
    expect(nameOf('D1-641')).toBe('Account 641');
  });

  it('to an insert do not update a newer record when they meet a lock', async () => {
    let one = {} as Row;
    let older = {} as Row;
    const { handle, correct } = await hold(
      'D2',
      (rows) => {
        one = { ...(rows[2] as Row), Name: '' };
        older = { ...(rows[LAST] as Row), Name: '' };
        return [older, ...rows.with(2, one)];
      },
      { operation: 'insert', externalIdFieldName: 'External_Id__c' },
    );
    const named = [one, older].map((row) => ({ ...row, Name: 'older [locked once]' }));
    await expect(correct('both', ...named)).rejects.toMatchObject(late);
    await handle.cancel();
    await handle.result();
  });
});

it('of one of two rejected rows with the same key are refused as ambiguous', async () => {
  const row = (Name: string): Row => ({ External_Id__c: 'C9-1', Name: '', Description: Name });
  const handle = await world.start({
    source: await world.csv([row('first'), row('second'), ...keyed('C9x', accounts(3))]),
    retry: { ...FAST.retry, holdFor: '1h' },
  });
  const { rejectedFile } = await holding(handle);
  const rejected = await readCsv(rejectedFile);
  const mended = rejected.map((one) => ({ ...one, Name: 'Mended' }));
  expect(mended).toHaveLength(2);
  const source = await world.csv(mended.slice(1), 'C9-one.csv');
  await expect(handle.submitCorrections({ source }, 'one')).rejects.toMatchObject({
    code: 'CORRECTIONS_REFUSED',
    message: expect.stringContaining('Data row 1 of the corrected file: more rejected rows') as string,
  });
  const both = await world.csv(mended, 'C9-both.csv');
  expect(await handle.submitCorrections({ source: both }, 'both')).toEqual({ rows: 2, remaining: 0 });
  await handle.cancel();
  await handle.result();
});

/** Allows loads to name it. */
function permitted(activity: string, taskQueue: string): { activity: string; taskQueue: string } {
  world.fixers.add(`${activity}@${taskQueue}`);
  return { activity, taskQueue };
}

describe('a fixer', () => {
  it("without the worker's permission is refused before anything is sent", async () => {
    const rows = keyed('X0', accounts(3)).map((row, i) => (i === 0 ? { ...row, Name: '' } : row));
    permitted('nameThem', 'theirs');
    const jobs = world.org.jobs().length;
    const source = await world.csv(rows);
    for (const fixer of [
      { activity: 'steal', taskQueue: 'theirs' },
      { activity: 'nameThem', taskQueue: 'mine' },
      { activity: 'nameThem@theirs', taskQueue: 'theirs' },
    ]) {
      const { state, error } = await world.load({ source, retry: { ...FAST.retry, fixer } });
      expect([state, error?.code]).toEqual(['Failed', 'NOT_ALLOWED']);
    }
    expect(world.org.jobs()).toHaveLength(jobs);
  });

  it('gets the rejected rows and returns corrected ones, in any language', async () => {
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const seen: FixerInput[] = [];
    const taskQueue = `${world.taskQueue}-fixer`;
    const worker = await Worker.create({
      connection,
      taskQueue,
      activities: {
        async nameThem(input: FixerInput): Promise<Corrections | null> {
          seen.push(input);
          const rows = await readCsv(input.source);
          const named = rows.filter(({ Description }) => Description !== 'hopeless');
          if (named.length === 0) return null;
          return {
            source: await world.csv(
              named.map((row) => ({ ...row, Name: 'Named' })),
              `fixed-${seen.length}.csv`,
            ),
          };
        },
      },
    });
    const rows = keyed('X1', accounts(100)).map((row, i) =>
      i < 5 ? { ...row, Name: '', Description: i === 0 ? 'hopeless' : 'x' } : row,
    );
    const loadId = newLoadId('fixed-load');
    const result = await worker.runUntil(
      world.load({
        source: await world.csv(rows),
        loadId,
        retry: { ...FAST.retry, fixer: permitted('nameThem', taskQueue) },
      }),
    );
    await connection.close();
    expect(seen[0]).toMatchObject({ rows: 5, loadId, object: 'Account', operation: 'upsert' });
    expect(seen).toHaveLength(2);
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 100, succeeded: 99, rejected: 1, unaccounted: 0 },
      retry: { recovered: 4 },
    });
    await expectSound(world, result);
  });

  it('that corrects an older row of a key that landed loses only that row', async () => {
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const taskQueue = `${world.taskQueue}-late-fixer`;
    const worker = await Worker.create({
      connection,
      taskQueue,
      activities: {
        async nameThem({ source }: FixerInput): Promise<Corrections> {
          const rejected = await readCsv(source);
          return { source: await world.csv(rejected.map((row) => ({ ...row, Name: 'Named' }))) };
        },
      },
    });
    const rows = keyed('X9', accounts(650)).map((row, i) => (i > 400 && i < 410 ? { ...row, Name: '' } : row));
    const older = { ...(rows[640] as Row), Name: '' };
    const result = await worker.runUntil(
      world.load({
        source: await world.csv([older, ...rows]),
        retry: { ...FAST.retry, fixer: permitted('nameThem', taskQueue) },
      }),
    );
    await connection.close();
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 651, succeeded: 650, rejected: 1, unaccounted: 0 },
      retry: { recovered: 9 },
    });
    expect(result.warnings).toContainEqual(
      expect.stringMatching(/^1 row that the fixer nameThem corrected was not sent/),
    );
    expect((await readCsv(result.files.rejected))[0]).toMatchObject({ External_Id__c: 'X9-641', Name: '' });
    await expectSound(world, result);
  });

  it('that fails loses only its corrections', async () => {
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const taskQueue = `${world.taskQueue}-broken`;
    const worker = await Worker.create({
      connection,
      taskQueue,
      activities: { break: () => ({ source: 'file:///nowhere.csv' }) },
    });
    const rows = keyed('X2', accounts(10)).map((row, i) => (i === 0 ? { ...row, Name: '' } : row));
    const result = await worker.runUntil(
      world.load({
        source: await world.csv(rows),
        retry: { ...FAST.retry, fixer: permitted('break', taskQueue) },
      }),
    );
    await connection.close();
    expect(result).toMatchObject({ state: 'CompletedWithRejects', records: { succeeded: 9, rejected: 1 } });
    expect(result.warnings).toEqual([expect.stringContaining('CORRECTIONS_REFUSED')]);
  });

  it('whose worker has died is called again when its heartbeats stop', async () => {
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const taskQueue = `${world.taskQueue}-dying`;
    let calls = 0;
    const worker = await Worker.create({
      connection,
      taskQueue,
      activities: {
        async nameThem({ source }: FixerInput): Promise<Corrections> {
          // Silent until the worker ends, as if the worker had been killed.
          if (++calls === 1) await Context.current().cancelled;
          const rows = await readCsv(source);
          return {
            source: await world.csv(
              rows.map((row) => ({ ...row, Name: 'Named' })),
              'fixed-late.csv',
            ),
          };
        },
      },
    });
    const rows = keyed('X4', accounts(10)).map((row, i) => (i === 0 ? { ...row, Name: '' } : row));
    const fixer = { ...permitted('nameThem', taskQueue), heartbeatTimeout: '1s' };
    const result = await worker.runUntil(
      world.load({ source: await world.csv(rows), retry: { ...FAST.retry, fixer } }),
    );
    await connection.close();
    expect(calls).toBe(2);
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 10 }, retry: { recovered: 1 } });
  });

  it('without a worker is awaited for its time limit only, then people are', async () => {
    const rows = keyed('X3', accounts(10)).map((row, i) => (i === 0 ? { ...row, Name: '' } : row));
    const fixer = { ...permitted('nobody', `${world.taskQueue}-nobody`), timeout: '2s' };
    const handle = await world.start({
      source: await world.csv(rows),
      retry: { ...FAST.retry, fixer, holdFor: '1h' },
    });
    await expect.poll(async () => (await handle.progress()).phase).toBe('holding');
    await handle.cancel();
    const { warnings } = await handle.result();
    expect(warnings).toEqual([
      `The fixer nobody corrected nothing in round 1: no worker took it from the task queue ${fixer.taskQueue} within 2 s. (FIXER_NOT_THERE)`,
    ]);
  });
});

describe('a pause', () => {
  it('also holds back retries and corrections until the load is resumed', async () => {
    const rows = keyed('P1', accounts(40)).map((row, i) =>
      i === 0 ? { ...row, Name: '' } : i < 5 ? { ...row, Description: '[locked once]' } : row,
    );
    const handle = await world.start({
      source: await world.csv(rows),
      retry: { ...FAST.retry, initialWait: '3s', holdFor: '1h' },
    });
    const jobs = (): number => world.org.jobs().length;
    await until(handle, ({ phase }) => phase === 'retrying');
    const before = jobs();
    await handle.pause();
    await sleep(5_000);
    expect(jobs()).toBe(before);
    await handle.resume();
    await holding(handle);
    expect(jobs()).toBe(before + 1);

    await handle.pause();
    const rejected = await readCsv((await handle.progress()).rejectedFile);
    const source = await world.csv(
      rejected.map((row) => ({ ...row, Name: 'Mended' })),
      'P1.csv',
    );
    await handle.submitCorrections({ source }, 'P1');
    await sleep(2_000);
    expect(jobs()).toBe(before + 1);
    await handle.resume();
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 40 } });
    await expectSound(world, result);
  });
});

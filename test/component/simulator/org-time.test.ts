/** Time and locks of a described org: shared speed, batches at once, and transactions that want the same records. */
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../../src/simulator/random.js';
import { describeOf, field, key, lookup, orgFolder } from '../../helpers/org-folder.js';
import { Clock, INGEST, openOrg } from '../../helpers/simulator.js';
import type { Json, TestOrg } from '../../helpers/simulator.js';

const PARENT = describeOf('Plant__c', 'a0P', [field('Name'), key()]);
const CHILD = describeOf('Meter__c', 'a0M', [
  field('Name'),
  key(),
  lookup('Plant__c', 'Plant__c', 'Plant__r', { relationshipOrder: 0, nillable: false }),
]);
const LOOSE = describeOf('Visit__c', 'a0V', [field('Name'), key(), lookup('Plant__c', 'Plant__c', 'Plant__r')]);

interface Timed extends TestOrg {
  clock: Clock;
  /** Sends rows without waiting. */
  start(csv: string, request?: Record<string, string>): Promise<string>;
  info(id: string): Promise<Json>;
  /** Lets time pass until nothing happens any more. */
  finish(): Promise<void>;
}

async function open(org: Json, objects: Record<string, Json> = {}): Promise<Timed> {
  const clock = new Clock();
  const folder = orgFolder(
    { Plant__c: { describe: PARENT }, Meter__c: { describe: CHILD }, Visit__c: { describe: LOOSE }, ...objects },
    { formatVersion: 1, ...org },
  );
  const opened = await openOrg({ org: folder, now: clock.now });
  const info: Timed['info'] = async (id) => (await opened.ask('GET', `${INGEST}/${id}`)).json;
  return {
    ...opened,
    clock,
    info,
    async start(csv, request = {}) {
      const id = await opened.create({ object: 'Plant__c', ...request });
      await opened.send(id, csv);
      return id;
    },
    async finish() {
      for (let at = opened.nextEventAt(); at !== undefined; at = opened.nextEventAt()) {
        clock.ms = Math.max(clock.ms, at) + 600_000;
        await opened.ask('GET', INGEST);
      }
    },
  };
}

// `openOrg` of the helper sets a speed; the folder's own speeds come first.
const speed = (rowsPerSecond: number, apexShare = 0): Json => ({ any: { rowsPerSecond, apexShare } });
const names = (count: number): string => `Name\n${'A\n'.repeat(count)}`;

describe('time', () => {
  it('[org-speed] is shared by all running jobs', async () => {
    const org = await open({}, { Plant__c: { describe: PARENT, speed: speed(1_000) } });
    const [one, two] = [await org.start(names(4_000)), await org.start(names(2_000))];
    org.clock.ms += 2_000;
    expect((await org.info(one))['numberRecordsProcessed']).toBe(1_000);
    expect((await org.info(two))['numberRecordsProcessed']).toBe(1_000);
    await org.finish();
    // Together until 4 s, then the first one alone.
    expect(await org.info(two)).toMatchObject({ state: 'JobComplete', totalProcessingTime: 4_000 });
    expect(await org.info(one)).toMatchObject({ state: 'JobComplete', totalProcessingTime: 6_000 });
  });

  it('[org-speed] may differ by object and operation, and part of it is Apex', async () => {
    const objects = {
      Plant__c: { describe: PARENT, speed: { upsert: { rowsPerSecond: 100, apexShare: 0.4 }, ...speed(1_000) } },
      Visit__c: { describe: LOOSE, speed: speed(500) },
    };
    const org = await open({}, objects);
    const insert = await org.start(names(1_000));
    await org.finish();
    const upsert = await org.start('Key__c\n1\n2\n3\n4\n', { operation: 'upsert', externalIdFieldName: 'Key__c' });
    await org.finish();
    const other = await org.start(names(1_000), { object: 'Visit__c' });
    await org.finish();
    expect(await org.info(insert)).toMatchObject({ totalProcessingTime: 1_000, apexProcessingTime: 0 });
    expect(await org.info(upsert)).toMatchObject({ totalProcessingTime: 40, apexProcessingTime: 16 });
    expect(await org.info(other)).toMatchObject({ totalProcessingTime: 2_000 });
  });

  it('[org-batches] run at once up to a number, of all jobs in turn; jobs wait in the queue', async () => {
    const org = await open({ time: { parallelBatches: 2 } }, { Plant__c: { describe: PARENT, speed: speed(1_000) } });
    const one = await org.start(names(30_000));
    const two = await org.start(names(200));
    const three = await org.start(names(200));
    org.clock.ms += 100;
    const states = async (): Promise<unknown[]> =>
      Promise.all([one, two, three].map(async (id) => (await org.info(id))['state']));
    expect(await states()).toEqual(['InProgress', 'UploadComplete', 'UploadComplete']);
    await org.finish();
    expect(await states()).toEqual(['JobComplete', 'JobComplete', 'JobComplete']);
    expect((await org.info(one))['totalProcessingTime']).toBe(30_400);
    // After the first two batches of the large job, together.
    expect((await org.info(two))['systemModstamp']).toBe('2026-11-23T20:00:20.000+0000');
  });

  it('[org-batches] are slower and faster by the spread, the same ones for a seed', async () => {
    const durations = async (seed: number): Promise<unknown[]> => {
      const org = await open({ seed, time: { spread: 0.5 } }, { Plant__c: { describe: PARENT, speed: speed(100) } });
      const found = [];
      for (let i = 0; i < 5; i++) {
        const id = await org.start(names(100));
        await org.finish();
        found.push((await org.info(id))['totalProcessingTime']);
      }
      return found;
    };
    const [one, again, other] = [await durations(1), await durations(1), await durations(2)];
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(Math.min(...(one as number[]))).toBeGreaterThanOrEqual(500);
    expect(Math.max(...(one as number[]))).toBeLessThanOrEqual(1_500);
    expect(new Set(one).size).toBe(5);
  });

  it('[org-queue] lets jobs wait before their first batch', async () => {
    const clock = new Clock();
    const folder = orgFolder({ Plant__c: PARENT }, { formatVersion: 1, time: { queueSeconds: 90 } });
    const org = await openOrg({ org: folder, now: clock.now, ...({ queueDelayMs: undefined } as object) });
    const id = await org.create({ object: 'Plant__c' });
    await org.send(id, names(1));
    const state = async (): Promise<unknown> => (await org.ask('GET', `${INGEST}/${id}`)).json['state'];
    clock.ms += 89_000;
    expect(await state()).toBe('UploadComplete');
    clock.ms += 2_000;
    expect(await state()).toBe('JobComplete');
  });

  it('[org-retries] stops a batch that takes too long, tries its rest again, and fails the job in the end', async () => {
    const time = { batchLimitSeconds: 50, retryAfterSeconds: 10 };
    const slow = { Plant__c: { describe: PARENT, speed: speed(10) } };
    const org = await open({ time }, slow);
    const id = await org.start(names(2_000));
    await org.finish();
    // 600 rows in 60 s, four times; three pauses of 10 s.
    expect(await org.info(id)).toMatchObject({
      state: 'JobComplete',
      retries: 3,
      numberRecordsProcessed: 2_000,
      totalProcessingTime: 230_000,
      apiActiveProcessingTime: 200_000,
    });
    const strict = await open({ time, locks: { retries: 2 } }, slow);
    const failed = await strict.start(names(2_000));
    await strict.finish();
    expect(await strict.info(failed)).toMatchObject({
      state: 'Failed',
      retries: 3,
      numberRecordsProcessed: 1_800,
      errorMessage: 'Unknown : Batch processing was retried more than 2 times',
    });
    expect((await strict.ask('GET', `${INGEST}/${failed}/unprocessedrecords`)).text).toBe(names(200));
  });

  it('[org-abort] finishes all batches that run, and none that waits', async () => {
    const org = await open({ time: { parallelBatches: 2 } }, { Plant__c: { describe: PARENT, speed: speed(1_000) } });
    const id = await org.start(names(30_000));
    org.clock.ms += 5_000;
    await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
    await org.finish();
    expect(await org.info(id)).toMatchObject({ state: 'Aborted', numberRecordsProcessed: 20_000 });
    expect((await org.ask('GET', `${INGEST}/${id}/unprocessedrecords`)).text).toBe(names(10_000));
  });
});

it.each([1, 2, 3])(
  '[org-abort] leaves each row in exactly one file, whatever fails and is aborted (seed %s)',
  async (seed) => {
    const random = randomFrom(seed);
    const org = await open(
      {
        seed,
        time: { parallelBatches: 3, spread: 0.5, batchLimitSeconds: 20, retryAfterSeconds: 5 },
        locks: { failuresPerBatch: seed === 1 ? 150 : 10_000, retries: 3, waitSeconds: seed },
      },
      { Meter__c: { describe: CHILD, speed: speed(700) } },
    );
    org.seedRecords(
      'Plant__c',
      Array.from({ length: 400 }, (_, i) => ({ Name: 'P', Key__c: `p${i}` })),
    );
    const jobs: { id: string; rows: number }[] = [];
    for (let i = 0; i < 6; i++) {
      const rows = 1 + Math.floor(random() * 15_000);
      const lines = Array.from({ length: rows }, (_, n) => `j${i}-${n},p${Math.floor(random() * 401)}`);
      // The last line of some has no line break.
      const csv = `Key__c,Plant__r.Key__c\n${lines.join('\n')}${i % 2 === 0 ? '\n' : ''}`;
      jobs.push({ id: await org.start(csv, { object: 'Meter__c' }), rows });
      org.clock.ms += random() * 5_000;
    }
    for (const { id } of jobs) {
      org.clock.ms += random() * 3_000;
      if (random() < 0.6) await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
    }
    await org.finish();
    for (const [i, { id, rows }] of jobs.entries()) {
      const keys: string[] = [];
      for (const name of ['successfulResults', 'failedResults', 'unprocessedrecords']) {
        const { text } = await org.ask('GET', `${INGEST}/${id}/${name}`);
        keys.push(...text.split('\n').flatMap((line) => /j\d+-\d+/.exec(line)?.[0] ?? []));
      }
      expect([i, keys.length, new Set(keys).size]).toEqual([i, rows, rows]);
    }
    const states = await Promise.all(jobs.map(async ({ id }) => (await org.info(id))['state']));
    expect(states).toContain('Aborted');
    for (const state of states) expect(['JobComplete', 'Failed', 'Aborted']).toContain(state);
  },
  120_000,
);

it('[org-batches-used-up] batches that have begun end, before their job fails for want of another', async () => {
  const slow = { Plant__c: { describe: PARENT, speed: speed(1_000) } };
  const org = await open({ limits: { batches: { max: 10, used: 7 } } }, slow);
  const lines = Array.from({ length: 45_000 }, (_, i) => `P,k${i}`);
  const id = await org.start(`Name,Key__c\n${lines.join('\n')}\n`, { object: 'Plant__c', operation: 'insert' });
  await org.finish();
  expect(await org.info(id)).toMatchObject({ state: 'Failed', numberRecordsProcessed: 30_000, numberRecordsFailed: 0 });
});

describe('locks', () => {
  const PLANTS = 300;
  const plant = (org: Timed): void => {
    org.seedRecords(
      'Plant__c',
      Array.from({ length: PLANTS }, (_, i) => ({ Name: 'P', Key__c: `p${i}` })),
    );
  };
  const slow = { Meter__c: { describe: CHILD, speed: speed(500) }, Visit__c: { describe: LOOSE, speed: speed(500) } };

  /** Four jobs at once, each with its part of the rows. Returns how many rows failed on a lock, and their errors. */
  async function loadInParts(sorted: boolean, more: Json = {}, request: Record<string, string> = {}) {
    const org = await open({ locks: { waitSeconds: 0, failuresPerBatch: 10_000 }, ...more }, slow);
    plant(org);
    const rows = Array.from({ length: 8_000 }, (_, i) => ({ key: `m${i}`, parent: (i * 7919) % PLANTS }));
    if (sorted) rows.sort((a, b) => a.parent - b.parent);
    const ids = [];
    for (let part = 0; part < 4; part++) {
      const lines = rows.slice(part * 2_000, (part + 1) * 2_000).map((row) => `${row.key},p${row.parent}`);
      ids.push(await org.start(`Key__c,Plant__r.Key__c\n${lines.join('\n')}\n`, { object: 'Meter__c', ...request }));
    }
    await org.finish();
    const errors: string[] = [];
    for (const id of ids) {
      expect(await org.info(id)).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 2_000 });
      const { text } = await org.ask('GET', `${INGEST}/${id}/failedResults`);
      errors.push(...text.trim().split('\n').slice(1));
    }
    return { org, errors };
  }

  it('[org-locks] fail rows whose parent another batch has locked, far fewer if the rows are sorted by it', async () => {
    const unsorted = await loadInParts(false);
    const sorted = await loadInParts(true);
    expect(unsorted.errors.length).toBeGreaterThan(1_000);
    expect(sorted.errors.length).toBeLessThan(unsorted.errors.length * 0.2);
    const plants = new Map(unsorted.org.records('Plant__c').map(({ id, values }) => [values.get('Key__c'), id]));
    for (const line of unsorted.errors.slice(0, 50)) {
      const id = plants.get(/"(p\d+)"$/.exec(line)?.[1]);
      expect(line).toContain(
        `UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: ${id}:--`,
      );
    }
    // The same requests and the same seed give the same failures.
    const again = await loadInParts(false);
    expect(again.errors.toSorted()).toEqual(unsorted.errors.toSorted());
  }, 120_000);

  it('[org-locks] of lookups are a choice, and one job at a time meets none', async () => {
    const request = { object: 'Visit__c' };
    expect((await loadInParts(false, {}, request)).errors).toEqual([]);
    const locks = { lookups: ['Visit__c.Plant__c'], waitSeconds: 0, failuresPerBatch: 10_000 };
    expect((await loadInParts(false, { locks }, request)).errors.length).toBeGreaterThan(1_000);
    expect((await loadInParts(false, { locks, time: { parallelBatches: 1 } }, request)).errors).toEqual([]);
  }, 120_000);

  it('[org-locks] may be waited for', async () => {
    const { errors } = await loadInParts(false, { locks: { waitSeconds: 60, failuresPerBatch: 10_000 } });
    expect(errors).toEqual([]);
  }, 60_000);

  it('[org-locks] of the changed records themselves', async () => {
    const org = await open({ locks: { waitSeconds: 0 } }, { Plant__c: { describe: PARENT, speed: speed(100) } });
    const ids = org.seedRecords('Plant__c', [{ Name: 'A' }, { Name: 'B' }]);
    const jobs = [];
    for (const name of ['x', 'y']) {
      const csv = `Id,Name\n${ids.map((id) => `${id},${name}\n`).join('')}`;
      jobs.push(await org.start(csv, { operation: 'update' }));
    }
    await org.finish();
    expect(await Promise.all(jobs.map(async (id) => (await org.info(id))['numberRecordsFailed']))).toEqual([0, 2]);
  });

  it('[org-too-many-locks] put a batch back in the queue, and fail its job in the end', async () => {
    const org = await open(
      { locks: { waitSeconds: 0, failuresPerBatch: 100, retries: 1 }, time: { retryAfterSeconds: 1 } },
      slow,
    );
    org.seedRecords('Plant__c', [{ Name: 'P', Key__c: 'p0' }]);
    const csv = (from: number): string =>
      `Key__c,Plant__r.Key__c\n${Array.from({ length: 2_000 }, (_, i) => `m${from + i},p0`).join('\n')}\n`;
    const [one, two] = [
      await org.start(csv(0), { object: 'Meter__c' }),
      await org.start(csv(10_000), { object: 'Meter__c' }),
    ];
    await org.finish();
    expect(await org.info(one)).toMatchObject({ state: 'JobComplete', numberRecordsFailed: 0 });
    expect(await org.info(two)).toMatchObject({
      state: 'Failed',
      retries: 2,
      numberRecordsProcessed: 400,
      numberRecordsFailed: 400,
      errorMessage: 'TooManyLockFailure : Too many lock failure 200 Trying again later',
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounts, expectSound, openWorld, readCsv } from '../support/load.js';
import type { World } from '../support/load.js';

describe('a load of each operation', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.end());

  it('upserts rows that are all good', async () => {
    const result = await world.load({ source: await world.csv(accounts(500)) });
    expect(result).toMatchObject({
      state: 'Completed',
      object: 'Account',
      operation: 'upsert',
      records: { total: 500, succeeded: 500, rejected: 0, unprocessed: 0, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 0, recovered: 0, rerendered: 0 },
      jobsTotal: 1,
    });
    expect(result.apiRequests).toBe(world.org.ledger.count());
    expect(result.files.rejected).toBeUndefined();
    await expectSound(world, result);
  });

  it('sends only the failed rows again, and rejects those that need a person', async () => {
    const rows = accounts(1_000, (row, n) => {
      const marked = { ...row, External_Id__c: `B-${n}` };
      if (n % 100 === 0) return { ...marked, Description: `${row['Description']} [locked once]` };
      if (n % 200 === 1) return { ...marked, Name: '' };
      return marked;
    });
    const result = await world.load({ source: await world.csv(rows) });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 1_000, succeeded: 995, rejected: 5, unprocessed: 0, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 1, recovered: 10, rerendered: 0 },
      jobsTotal: 2,
    });
    const rejected = await readCsv(result.files.rejected);
    expect(Object.keys(rejected[0] ?? {})).toEqual(['sf__Id', 'sf__Error', 'External_Id__c', 'Name', 'Description']);
    expect(rejected.every((row) => row['sf__Error']?.startsWith('REQUIRED_FIELD_MISSING:'))).toBe(true);
    await expectSound(world, result);
    const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith('B-'));
    expect(ours).toHaveLength(995);
    expect(ours.every(({ applied }) => applied === 1)).toBe(true);
  });
});

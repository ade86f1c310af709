/** Whatever happens to rows or the network: every row is in exactly one place, and nothing lands twice. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RowFix } from '../../src/contract/corrections.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { Fault } from '../../src/simulator/http/faults.js';
import { accounts, expectSound, FAST, openWorld, readCsv } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** Possible outcomes of a row, with the change that causes each. */
const FATES: Record<string, Partial<Row>> = {
  good: {},
  locked: { Description: '[locked once]' },
  'locked for long': { Description: '[always locked]' },
  'locked in a trigger': { Description: '[trigger locked once]' },
  'no name': { Name: '' },
  'too long': { Name: 'x'.repeat(300) },
  'no such rating': { Rating: 'Lukewarm' },
  'no access': { Description: '[no access]' },
  'never heard of': { Description: '[error NEVER_HEARD_OF: x]' },
};
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant('good') },
  { weight: 4, arbitrary: fc.constantFrom(...Object.keys(FATES)) },
);

const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constantFrom('upload', 'close', 'info', 'results'),
  action: fc.constantFrom<Fault['action']>({ status: 500 }, { status: 503 }, 'reset', 'resetAfterApply'),
});

const load = fc.record({
  fates: fc.array(fate, { minLength: 1, maxLength: 120 }),
  operation: fc.constantFrom('upsert' as const, 'insert' as const),
  /** An insert may have a unique external id or none. */
  keyed: fc.boolean(),
  /** Duplicate keys in a file. */
  doubled: fc.boolean(),
  maxBytes: fc.constantFrom(1_000, 3_000, 100_000_000),
  faults: fc.array(fault, { maxLength: 2 }),
  fixes: fc.subarray<RowFix>([
    { code: 'STRING_TOO_LONG', do: 'truncate' },
    { code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', do: 'blank' },
  ]),
});

let run = 0;

it('every row is counted exactly once', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(load, async ({ fates, operation, keyed, doubled, maxBytes, faults, fixes }) => {
      const prefix = `B${++run}`;
      const hasKey = operation === 'upsert' || keyed;
      const rows = accounts(fates.length, (row, n) => {
        const key = `${prefix}-${doubled && operation === 'upsert' && n % 10 === 0 ? n - 1 : n}`;
        const { External_Id__c: _, ...rest } = { Rating: 'Hot', ...row, ...FATES[fates[n - 1] as string] } as Row;
        return hasKey ? { External_Id__c: key, ...rest } : (rest as Row);
      });
      for (const one of faults) world.org.fault(one);
      const before = world.org.records('Account').length;
      const result = await world.load({
        source: await world.csv(rows),
        operation,
        ...(hasKey && { externalIdFieldName: 'External_Id__c' }),
        part: { maxBytes, maxConcurrent: 2 },
        abortWhen: { failedRatio: 1 },
        retry: { ...FAST.retry, ...(fixes.length > 0 && { fixes }) },
      });
      await expectSound(world, result);
      await expectBooks(result, rows, fixes);
      if (operation === 'insert' && result.balanced) {
        // One record for each row that landed, none twice.
        expect(world.org.records('Account').length - before).toBe(result.records.succeeded);
      }
    }),
    { numRuns: 5 },
  );
});

async function expectBooks(result: BulkLoadResult, rows: readonly Row[], fixes: readonly RowFix[]): Promise<void> {
  const { total, succeeded, rejected, unprocessed, unaccounted } = result.records;
  expect(total).toBe(rows.length);
  expect(succeeded + rejected + unprocessed + unaccounted).toBe(total);
  expect(result.balanced).toBe(unaccounted === 0);
  expect(result.error).toBeUndefined();
  const reasons = (await readCsv(result.files.rejected)).map((row) => row['sf__Error']?.split(':')[0]);
  // A row that a rule corrects is not left to people.
  for (const { code } of fixes) expect(reasons).not.toContain(code);
}

/** Steps that always fail with unforeseen errors: each load ends soon, with a report, and makes no more calls. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { SalesforceConnection } from '../../src/salesforce/bulk-client.js';
import type { CallContext } from '../../src/salesforce/http/call-context.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../src/salesforce/config/open-connection.js';
import { accounts } from '../helpers/load-harness.js';
import { openNight } from '../helpers/night.js';
import type { Night } from '../helpers/night.js';

const MINUTE = 60_000;
/** An error message may contain row data. */
const SECRET = 'IBAN DE00 1234';

type Call = keyof SalesforceConnection;
type AnyCall = (...args: unknown[]) => unknown;
/** `after`: the org has carried out the request, and its reply cannot be parsed. */
type Minutes = [least: number, most: number];
type When = 'before' | 'after';

let night: Night;
let calls: number;
beforeEach(async () => {
  night = await openNight();
  await night.startOrg();
  calls = 0;
});
afterEach(() => night.close());

/**
 * A worker whose connection throws at some calls, after a first request: the time-skipping server forgets the last of
 * several errors that are thrown without a heartbeat before them.
 * @param thrown by the number of the call, from 0
 */
async function workWith(broken: readonly Call[], thrown: (call: number) => unknown, when: When): Promise<void> {
  const [settings] = connectionsFromEnvironment({
    SF_INSTANCE_URL: night.org.url,
    SF_ACCESS_TOKEN: night.org.token,
  }).values();
  const sound = openConnection(settings as NonNullable<typeof settings>);
  const connection = new Proxy(sound, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== 'function') return found;
      if (!broken.includes(name as Call)) return found.bind(target) as unknown;
      return async (...args: unknown[]) => {
        const context = args.at(-1) as CallContext;
        await (when === 'after' ? (found as AnyCall).apply(target, args) : target.versions(context));
        throw thrown(calls++);
      };
    },
  });
  await night.work({ connections: new Map([['default', connection]]) });
}

async function load(): Promise<{ result: BulkLoadResult; minutes: number }> {
  const result = await night.load(accounts(20));
  return { result, minutes: (await night.durationOf(result)) / MINUTE };
}

async function reportOf(result: BulkLoadResult): Promise<BulkLoadResult> {
  return JSON.parse(await readFile(fileURLToPath(result.files.report as string), 'utf8')) as BulkLoadResult;
}

const type = (): unknown => new TypeError(`Cannot read properties of undefined (reading '${SECRET}')`);
const range = (): unknown => new RangeError(`Invalid string length ${SECRET}`);
const plain = (): unknown => new Error(SECRET);
const nothing = (): unknown => undefined;
const text = (): unknown => SECRET;
const inTurns = (call: number): unknown => (call % 2 === 0 ? type() : range());
const ofChangingName = (call: number): unknown => Object.assign(new Error(SECRET), { name: `Kind${call}` });

const UNPROCESSED = { unprocessed: 20, unaccounted: 0 };
const UNKNOWN = { unprocessed: 0, unaccounted: 20 };
const NOTHING = { total: 0 };

it.each<[string, Call[], (call: number) => unknown, When, Minutes, Partial<BulkLoadResult['records']>]>([
  ['a TypeError before the file is planned', ['describe'], type, 'before', [1, 5], NOTHING],
  ['a TypeError at the choice of a version', ['resolveApiVersion'], type, 'before', [1, 5], NOTHING],
  // Then it waits until the org lists a job that may have been created.
  ['a RangeError at a create', ['createJob'], range, 'before', [1, 20], UNPROCESSED],
  ['a TypeError after a create', ['createJob'], type, 'after', [1, 20], UNPROCESSED],
  ['a TypeError at an upload', ['uploadJobData'], type, 'before', [0.5, 10], UNPROCESSED],
  ['a TypeError after an upload', ['uploadJobData'], type, 'after', [0.5, 10], UNPROCESSED],
  ['a TypeError at a close', ['closeJob'], type, 'before', [1, 20], UNPROCESSED],
  ['a TypeError at a poll', ['getJob'], type, 'before', [1, 20], UNKNOWN],
  ['a RangeError at the results', ['openResult'], range, 'before', [1, 5], UNKNOWN],
  ['a plain Error at the results', ['openResult'], plain, 'before', [30, 60], UNKNOWN],
  ['a plain Error at a create', ['createJob'], plain, 'before', [30, 60], UNPROCESSED],
  ['nothing at all that is thrown at a create', ['createJob'], nothing, 'before', [30, 60], UNPROCESSED],
  ['a text that is thrown at a close', ['closeJob'], text, 'before', [30, 60], UNPROCESSED],
  ['errors of two kinds in turns at a create', ['createJob'], inTurns, 'before', [1, 20], UNPROCESSED],
  ['errors of ever another name at a create', ['createJob'], ofChangingName, 'before', [30, 60], UNPROCESSED],
  ['a TypeError at an upload and at the abort after it', ['uploadJobData', 'abortJob'], type, 'before', [1, 25], {}],
])('ends after %s', async (_what, broken, thrown, when, [least, most], records) => {
  await workWith(broken, thrown, when);
  const { result, minutes } = await load();
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'UNEXPECTED' }, records });
  expect(minutes).toBeGreaterThan(least);
  expect(minutes).toBeLessThan(most);
  expect(calls).toBeGreaterThan(1);
  expect(calls).toBeLessThan(60);
  expect(await reportOf(result)).toMatchObject({ state: 'Failed', error: { code: 'UNEXPECTED' }, records });
  // In the file for people, and not in the public result.
  expect(JSON.stringify(result)).not.toContain(SECRET);
  const open = night.org.jobs().filter(({ state }) => state === 'Open');
  expect(open).toHaveLength(broken.includes('abortJob') ? 1 : 0);
});

it('treats a close as done if the org carried it out, although its reply could not be parsed', async () => {
  await workWith(['closeJob'], type, 'after');
  const { result } = await load();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 1 });
  expect(calls).toBe(1);
});

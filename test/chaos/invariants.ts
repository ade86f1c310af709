/** The verdict on a case, from the simulator's request log and the files: nightload's own reports are only compared. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { expectedEnds } from './types.js';
import type { Case } from './types.js';
import type { World } from './environment.js';

/** Children of a terminated load abort their jobs after it, as does a part that was reset after its end. */
const OPEN_LIMIT_MS = 90_000;

/** @param result absent if the load was terminated */
export async function judge(given: Case, world: World, result: BulkLoadResult | undefined): Promise<string[]> {
  const complaints = await judgeJobs(given, world, result);
  complaints.push(...judgeRows(world, result?.state === 'Completed'));
  const ends = expectedEnds(given);
  const end = result?.state ?? 'terminated';
  if (!ends.includes(end)) {
    const why = result?.error === undefined ? '' : ` (${result.error.code}: ${result.error.message})`;
    complaints.push(`it ended as ${end}, not ${ends.join(' or ')}${why}`);
  }
  if (result !== undefined) complaints.push(...judgeBooks(given, world, result), ...(await judgeFiles(world, result)));
  return complaints;
}

async function judgeJobs(given: Case, { org }: World, result: BulkLoadResult | undefined): Promise<string[]> {
  const open = (): string[] =>
    org.jobs().flatMap(({ settings, state, isTerminal }) => (isTerminal ? [] : [`${settings.id} is ${state}`]));
  const leavesOthers = given.troubles?.some(({ act }) => typeof act === 'object' && 'reset' in act) === true;
  if (result === undefined || leavesOthers) {
    for (const start = Date.now(); open().length > 0 && Date.now() - start < OPEN_LIMIT_MS;) await sleep(200);
  }
  const complaints = open();
  for (const { settings } of org.jobs()) {
    const puts = org.ledger.requests.filter(({ kind, jobId }) => kind === 'upload' && jobId === settings.id).length;
    if (puts > 1) complaints.push(`${settings.id} had ${puts} PUTs`);
  }
  // A killed worker loses counts that it had not reported to the server yet.
  const whole = given.troubles === undefined;
  // The org's limits are read for all loads together, each time after its versions.
  const counted = org.ledger.count() - 2 * org.ledger.count('limits');
  if (whole && result !== undefined && result.apiRequests !== counted) {
    complaints.push(`apiRequests says ${result.apiRequests}, the org counted ${counted}`);
  }
  return complaints;
}

/** How often each row was applied, by its key. */
function applied({ org, object, keyField, rows }: World): Map<string, number> {
  const times = new Map(rows.map(({ key }) => [key, 0]));
  for (const record of org.records(object)) {
    const key = record.values.get(keyField) ?? '';
    times.set(key, (times.get(key) ?? 0) + record.applied);
  }
  return times;
}

/** @param all every row must have landed; otherwise some may be missing, but none may have landed twice */
function judgeRows(world: World, all: boolean): string[] {
  const complaints: string[] = [];
  const times = [...applied(world).values()];
  const twice = times.filter((n) => n > 1).length;
  const never = times.filter((n) => n === 0).length;
  if (twice > 0) complaints.push(`${twice} rows were applied more than once`);
  if (all && never > 0) complaints.push(`${never} rows were never applied`);
  const names = new Map(world.rows.map(({ key, name }) => [key, name]));
  const wrong = world.org
    .records(world.object)
    .filter(
      ({ values, applied: n }) => n > 0 && values.get(world.valueField) !== names.get(values.get(world.keyField) ?? ''),
    );
  if (wrong.length > 0) complaints.push(`${wrong.length} records have a wrong value`);
  return complaints;
}

function judgeBooks(given: Case, world: World, { records, balanced, state }: BulkLoadResult): string[] {
  const complaints: string[] = [];
  const { total, succeeded, rejected, unprocessed, unaccounted } = records;
  const landed = [...applied(world).values()].filter((n) => n > 0).length;
  const said = `${succeeded} succeeded, ${rejected} rejected, ${unprocessed} unprocessed of ${total}`;
  if (!balanced || unaccounted !== 0) complaints.push(`the books do not balance: ${said}`);
  // Canceled before the source was read: no row was counted or may have landed.
  const unread = state === 'Canceled' && total === 0;
  if (!unread && total !== given.load.rows) complaints.push(`the source has ${given.load.rows} rows: ${said}`);
  if (succeeded !== landed) complaints.push(`${landed} rows landed: ${said}`);
  return complaints;
}

async function judgeFiles(world: World, result: BulkLoadResult): Promise<string[]> {
  const complaints: string[] = [];
  const { records, files } = result;
  const column = 'Id' in (world.rows[0]?.cells ?? {}) ? 'Id' : world.keyField;
  const keyOf = new Map(world.rows.map(({ key, cells }) => [cells[column], key]));
  const read = async (uris: (string | undefined)[]): Promise<string[]> => {
    const found: string[] = [];
    for (const uri of uris) {
      if (uri === undefined) continue;
      const rows = parse<Record<string, string>>(await readFile(fileURLToPath(uri), 'utf8'), { columns: true });
      // Files of a delete have both the platform's id column and the sent one.
      for (const row of rows) found.push(keyOf.get(row[column]) ?? `unknown ${row[column]}`);
    }
    return found;
  };
  const succeeded = await read(files.succeeded);
  const others = await read([files.rejected, files.unprocessed]);
  if (succeeded.length !== records.succeeded)
    complaints.push(`${succeeded.length} rows in the succeeded files, ${records.succeeded} in the result`);
  if (others.length !== records.rejected + records.unprocessed)
    complaints.push(
      `${others.length} rows in the other files, ${records.rejected + records.unprocessed} in the result`,
    );
  if (new Set([...succeeded, ...others]).size !== succeeded.length + others.length)
    complaints.push('a row is in the files twice');
  const times = applied(world);
  const wrong = succeeded.filter((key) => times.get(key) !== 1).concat(others.filter((key) => times.get(key) !== 0));
  if (wrong.length > 0) complaints.push(`${wrong.length} rows are in a file that does not fit what became of them`);
  // Canceled before a worker had found the source, so there is no folder for a report.
  if (files.report === undefined && records.total === 0 && result.state === 'Canceled') return complaints;
  if (files.report === undefined) return [...complaints, 'there is no report'];
  const report = JSON.parse(await readFile(fileURLToPath(files.report), 'utf8')) as BulkLoadResult;
  if (report.records.succeeded !== records.succeeded || report.state !== result.state)
    complaints.push('the report says something else than the result');
  return complaints;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

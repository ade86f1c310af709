/**
 * 200 nights, one after the other, with a real worker under time skipping: who is told that a load will be late, when,
 * and was it true? `npm run nights`; NIGHTS and SEED change what is measured.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accounts } from '../helpers/load-harness.js';
import { openNight } from '../helpers/night.js';
import type { Night as Stage } from '../helpers/night.js';
import { nights } from './nights.js';
import type { Night } from './nights.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const COUNT = Number(process.env['NIGHTS'] ?? 200);
const SEED = Number(process.env['SEED'] ?? 1);
/** From the hour when the load is due until the hour when its data is needed. */
const FINISH_AFTER_MS = 6 * HOUR;
const TOLD = /^At (\d{4}-\d\d-\d\d )?(\d\d:\d\d) UTC the load was expected to end /;

let stage: Stage;
const failing = new Set<string>();
beforeAll(async () => {
  stage = await openNight();
  await stage.startOrg({
    queueDelayMs: [MINUTE, 3 * MINUTE],
    rowOutcome: ({ External_Id__c: key = '' }) =>
      failing.delete(key) ? 'UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--' : undefined,
  });
  await stage.work();
}, 120_000);
afterAll(() => stage.close());

interface Outcome {
  what: string;
  /** Minutes after the hour at which it ended; negative if before. */
  lateBy: number;
  /** Minutes before the hour at which people were told; absent if nobody was. */
  toldBefore?: number;
}

async function live(night: Night, n: number): Promise<Outcome> {
  const { env, folder } = stage;
  const due = await env.currentTimeMs();
  const finishBy = due + FINISH_AFTER_MS;
  stage.planSpeeds(night.speeds.map(({ minute, perSecond }) => ({ at: due + minute * MINUTE, perSecond })));
  const rows = accounts(night.rows, (row, at) => ({ ...row, External_Id__c: `N${n}-${at}` }));
  failing.clear();
  for (let row = 1; row <= night.retried; row++) failing.add(`N${n}-${row * 7}`);
  const path = join(folder, `night-${n}.csv`);
  const load = await stage.start([{ External_Id__c: 'x', Name: 'y' }], {
    ...{ source: `file://${path}`, loadId: `night-${n}`, waitForSource: '20h', again: true },
    ...{ part: { maxBytes: 300_000, maxConcurrent: 2 }, poll: { settleInterval: '30s' } },
    retry: { initialWait: night.retryWaitMs },
    finishBy: new Date(finishBy).toISOString(),
  });
  if (night.fileAt > 0) await env.sleep(night.fileAt * MINUTE);
  await writeFile(path, stringify(rows, { header: true }));
  const result = await load.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: night.rows } });
  const ended = due + (await stage.durationOf(result));
  await Promise.all([rm(path), rm(join(folder, `nightload-results/night-${n}`), { recursive: true, force: true })]);
  const told = (result.warnings ?? []).flatMap((text) => TOLD.exec(text)?.slice(1, 3) ?? []);
  const outcome: Outcome = { what: night.what, lateBy: Math.round((ended - finishBy) / MINUTE) };
  expect(told.length).toBeLessThanOrEqual(2);
  return told[1] === undefined ? outcome : { ...outcome, toldBefore: minutesBefore(told[1], due, finishBy) };
}

/** The warning has the time of day. */
function minutesBefore(clock: string, due: number, finishBy: number): number {
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  const day = Math.floor(due / (24 * HOUR)) * 24 * HOUR;
  let at = day + hour * HOUR + minute * MINUTE;
  while (at < due - MINUTE) at += 24 * HOUR;
  return Math.round((finishBy - at) / MINUTE);
}

it(`warns in time, and not without need, in ${COUNT} nights`, async () => {
  const outcomes: Outcome[] = [];
  for (const [n, night] of nights(COUNT, SEED).entries()) {
    const outcome = await live(night, n);
    outcomes.push(outcome);
    const { what, lateBy, toldBefore } = outcome;
    console.log(
      `${n} ${what}: ${Math.abs(lateBy)} min ${lateBy > 0 ? 'late' : 'early'}, ` +
        `${toldBefore === undefined ? 'nobody was told' : `told ${toldBefore} min before the hour`}`,
    );
  }
  const missed = outcomes.filter(({ lateBy }) => lateBy > 0);
  const good = outcomes.filter(({ lateBy }) => lateBy <= 0);
  const inTime = missed.filter(({ toldBefore = -1 }) => toldBefore >= 60);
  const falseAlarms = good.filter(({ toldBefore }) => toldBefore !== undefined);
  console.log(
    `${outcomes.length} nights: ${missed.length} missed the hour, ${inTime.length} of them told at least 60 minutes before; ` +
      `${good.length} good nights, ${falseAlarms.length} false alarms`,
  );
  // A missed night is always told, at the latest when the hour has passed.
  expect(missed.filter(({ toldBefore }) => toldBefore === undefined)).toEqual([]);
  expect(inTime.length / Math.max(1, missed.length)).toBeGreaterThanOrEqual(missed.length < 20 ? 0.8 : 0.95);
  expect(falseAlarms.length).toBeLessThanOrEqual(Math.max(1, good.length / 100));
});

/** Cron as Temporal parses it; test/integration/schedule.test.ts compares it with the server. */
import { describe, expect, it } from 'vitest';
import { bothDaysText, checkCron } from '../../../../../src/cli/commands/schedule/cron.js';

const refusal = (code: string, words: string): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(words) as string }) as Error;

describe('a cron expression', () => {
  it.each(['0 0 1 * * *', '0 1 * * * 2031', '30 0 1 * * * 2031', '0 1 * *', ''])(
    'is refused if it does not have five fields: %j',
    (cron) => {
      expect(() => checkCron(cron)).toThrow(refusal('INVALID_SCHEDULE', 'minute, hour, day of month'));
    },
  );

  it.each(['0 1 31 2 *', '0 1 30 2 *', ' 0 1 30-31 FEB * ', '0 1 31 4,6,9,11 *', '0 1 31/1 2-2 *', '0 1 31 jun 5'])(
    'is refused if it can never be due: %j',
    (cron) => {
      expect(() => checkCron(cron)).toThrow(refusal('INVALID_SCHEDULE', 'Correct the day of month'));
    },
  );

  it.each([
    ...['0 1 * * *', '0 1 29 2 *', '0 1 29 2 1', '0 1 31 * *', '0 1 31 2-3 *', '0 1 */31 2 *', '0 1 29/2 feb *'],
    ...['@daily', '@every 1h', 'CRON_TZ=Europe/Berlin 0 1 * * *', '0 1 * * 1-5 # on workdays', '0 1 13 * FRI'],
    // Temporal itself refuses these.
    ...['0 1 L * *', '0 1 31 FEB-JAN *', '0 1 31-40 2 *', '0 1 1 0 *', '0 1 */0 2 *'],
  ])('is otherwise left to Temporal: %j', (cron) => {
    checkCron(cron);
  });

  it('is explained if days are restricted in both ways', () => {
    expect(bothDaysText('0 1 13 * 5')).toBe('only on days that match both: day of month 13 and day of week 5');
    for (const cron of ['0 1 13 * *', '0 1 * * 5', '@daily']) expect(bothDaysText(cron)).toBeUndefined();
  });
});

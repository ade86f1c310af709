/**
 * Cron expressions that Temporal reads differently from cron, or accepts although they can never be due: reported or
 * refused before a schedule is created. The rest of the grammar is left to Temporal, which refuses it itself.
 */
import { NightloadError } from '../../../errors.js';

const FIELDS = 5;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** Days of the months in a leap year. */
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Undefined for `@daily` and similar. */
function fieldsOf(expression: string): string[] | undefined {
  // Temporal accepts a time zone before the fields, and a comment after them.
  const text = expression
    .replace(/^\s*(?:CRON_)?TZ=\S+/, '')
    .replace(/#.*$/s, '')
    .trim();
  return text.startsWith('@') ? undefined : text.split(/\s+/);
}

/** @throws NightloadError `INVALID_SCHEDULE` */
export function checkCron(expression: string): void {
  const fields = fieldsOf(expression);
  if (fields === undefined) return;
  if (fields.length !== FIELDS) {
    throw new NightloadError(
      'INVALID_SCHEDULE',
      `--cron ${JSON.stringify(expression)} has ${fields.length} fields. Use five: minute, hour, day of month, month, day of week. ` +
        'With six, Temporal reads the last as the year; other programs read the first as seconds.',
    );
  }
  const [, , days = '', months = ''] = fields;
  const due = numbersOf(months, 1, 12, MONTHS)?.map((month) => DAYS[month - 1] as number);
  const [first] = numbersOf(days, 1, 31)?.sort((a, b) => a - b) ?? [];
  if (due === undefined || first === undefined || due.some((most) => first <= most)) return;
  throw new NightloadError(
    'INVALID_SCHEDULE',
    `--cron ${JSON.stringify(expression)} can never match: none of its months has a day ${first}. ` +
      'Correct the day of month (third field) or the month (fourth). Cron cannot express the last day of a month: use the first day of the next.',
  );
}

/** Text for people; undefined unless days are restricted in both ways, which cron combines with "or". */
export function bothDaysText(expression: string): string | undefined {
  const [, , month = '*', , week = '*'] = fieldsOf(expression) ?? [];
  return month === '*' || week === '*'
    ? undefined
    : `only on days that match both: day of month ${month} and day of week ${week}`;
}

/** Numbers that a field matches; undefined if Temporal would not accept it. */
function numbersOf(field: string, least: number, most: number, names: readonly string[] = []): number[] | undefined {
  const numbers = new Set<number>();
  const numberOf = (text: string): number => {
    const name = names.indexOf(text.toLowerCase());
    return name === -1 ? Number(text) : name + least;
  };
  for (const part of field.split(',')) {
    const [, range = '', step = '1'] = /^([^/]+)(?:\/(\d{1,9}))?$/.exec(part) ?? [];
    const [from = '', to] = range.split('-');
    const start = from === '*' ? least : numberOf(from);
    // `5/2` continues to the end.
    const end = to !== undefined ? numberOf(to) : from === '*' || part.includes('/') ? most : start;
    if (!(start >= least && end <= most && start <= end && Number(step) > 0)) return undefined;
    for (let number = start; number <= end; number += Number(step)) numbers.add(number);
  }
  return [...numbers];
}

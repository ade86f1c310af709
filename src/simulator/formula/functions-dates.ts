/** Functions about dates. The org's days begin and end in UTC. */
import { Decimal } from './decimals.js';
import { EvaluationError } from './evaluation-error.js';
import { takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import type { Node } from './parse.js';
import { Unsupported } from './unsupported.js';
import { dateInRange, DAY, daysFrom, daysOf, isTextual, SECOND } from './values.js';

/** Of a value in an error. */
const MAX_SHOWN = 100;

/** Null for a day that does not exist. */
function daysFromParts(year: string, month: string, day: string): number | null {
  return daysOf([year.padStart(4, '0'), month.padStart(2, '0'), day.padStart(2, '0')].join('-'));
}

const part = (work: (date: Date) => number): FormulaFunction =>
  takes(1, 1, (compiler, [of]) => {
    const date = compiler.date(of);
    return {
      type: 'number',
      run(env) {
        const days = date(env);
        return days === null ? null : new Decimal(work(new Date(days * DAY)));
      },
    };
  });

const date = takes(3, 3, (compiler, args) => {
  const runs = args.map((arg) => compiler.number(arg));
  return {
    type: 'date',
    run(env) {
      const [year, month, day] = runs.map((run) => run(env));
      if (year == null || month == null || day == null) return null;
      const [y, m, d] = [year, month, day].map((part) => part.trunc().toNumber()) as [number, number, number];
      if (y < 1 || y > 9999) throw new EvaluationError('Year out of range in DATE() function');
      const days = daysFromParts(String(y), String(m), String(d));
      if (days === null) throw new EvaluationError('Month or Day out of range in DATE() function');
      return days;
    },
  };
});

const dateValue = takes(1, 1, (compiler, [of]) => {
  const { type, run } = compiler.compile(of as Node);
  if (type === 'date') return { type: 'date', run };
  if (type !== 'datetime' && !isTextual(type)) throw new Unsupported(`DATEVALUE has a ${type}`);
  return {
    type: 'date',
    run(env) {
      const value = run(env);
      if (typeof value === 'number') return daysFrom(value);
      return typeof value === 'string' && value !== '' ? dateIn(value) : null;
    },
  };
});

const dateTimeValue = takes(1, 1, (compiler, [of]) => {
  const { type, run } = compiler.compile(of as Node);
  if (type === 'datetime') return { type, run };
  if (type !== 'date' && !isTextual(type)) throw new Unsupported(`DATETIMEVALUE has a ${type}`);
  return {
    type: 'datetime',
    run(env) {
      const value = run(env);
      if (typeof value === 'number') return value * DAY;
      return typeof value === 'string' && value !== '' ? momentOf(value) : null;
    },
  };
});

/** What follows the date does not matter. @throws EvaluationError */
function dateIn(text: string): number {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)/.exec(text) ?? [];
  const days = Number(year) === 0 ? null : daysFromParts(year, month, day);
  if (days === null) throw new EvaluationError(`Unparseable date: "${text.slice(0, MAX_SHOWN)}"`);
  return days;
}

/** `2026-11-30 20:15:00`, in UTC. @throws EvaluationError */
function momentOf(text: string): number {
  const [, hours = 24, minutes = 60, seconds = 60] =
    /^[\d-]+ (\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)/.exec(text)?.map(Number) ?? [];
  const days = dateIn(text);
  if (hours > 23 || minutes > 59 || seconds > 59) {
    throw new EvaluationError(`Unparseable date: "${text.slice(0, MAX_SHOWN)}"`);
  }
  return days * DAY + ((hours * 60 + minutes) * 60 + seconds) * SECOND;
}

/** The last day of a month stays the last day; a shorter month ends earlier. */
const addMonths = takes(2, 2, (compiler, [of, count]) => {
  const [from, months] = [compiler.date(of), compiler.number(count)];
  return {
    type: 'date',
    run(env) {
      const [days, by] = [from(env), months(env)];
      if (days === null || by === null) return null;
      const start = new Date(days * DAY);
      const [day, month] = [start.getUTCDate(), start.getUTCMonth() + by.trunc().toNumber()];
      const length = lengthOfMonth(start.getUTCFullYear(), month);
      const isLast = day === lengthOfMonth(start.getUTCFullYear(), start.getUTCMonth());
      const first = firstOfMonth(start.getUTCFullYear(), month);
      return dateInRange(first + (isLast ? length : Math.min(day, length)) - 1);
    },
  };
});

/** In days. Unlike Date.UTC, it takes the year 50 for what it says. */
const firstOfMonth = (year: number, month: number): number => new Date(0).setUTCFullYear(year, month, 1) / DAY;

const lengthOfMonth = (year: number, month: number): number =>
  firstOfMonth(year, month + 1) - firstOfMonth(year, month);

export const dateFunctions: Record<string, FormulaFunction> = {
  TODAY: takes(0, 0, () => ({ type: 'date', run: ({ now }) => daysFrom(now) })),
  NOW: takes(0, 0, () => ({ type: 'datetime', run: ({ now }) => now })),
  DATE: date,
  DATEVALUE: dateValue,
  DATETIMEVALUE: dateTimeValue,
  YEAR: part((one) => one.getUTCFullYear()),
  MONTH: part((one) => one.getUTCMonth() + 1),
  DAY: part((one) => one.getUTCDate()),
  // 1 is Sunday.
  WEEKDAY: part((one) => one.getUTCDay() + 1),
  ADDMONTHS: addMonths,
};

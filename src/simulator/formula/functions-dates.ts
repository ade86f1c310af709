/** Functions about dates. The org's days begin and end in UTC. */
import { takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import type { Node } from './parse.js';
import { Unsupported } from './unsupported.js';
import { DAY, daysFrom, daysOf, isTextual, millisecondsOf } from './values.js';

/** Null for a day that does not exist. */
function daysFromParts(year: number, month: number, day: number): number | null {
  const text = [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
  return daysOf(text);
}

const part = (work: (date: Date) => number): FormulaFunction =>
  takes(1, 1, (compiler, [of]) => {
    const date = compiler.date(of);
    return {
      type: 'number',
      run(env) {
        const days = date(env);
        return days === null ? null : work(new Date(days * DAY));
      },
    };
  });

const date = takes(3, 3, (compiler, args) => {
  const runs = args.map((arg) => compiler.number(arg));
  return {
    type: 'date',
    run(env) {
      const [year, month, day] = runs.map((run) => run(env));
      return year == null || month == null || day == null
        ? null
        : daysFromParts(Math.trunc(year), Math.trunc(month), Math.trunc(day));
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
      return typeof value === 'string' ? daysOf(value.trim()) : null;
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
      return typeof value === 'string' ? momentOf(value.trim()) : null;
    },
  };
});

/** `2026-11-30 20:15:00`, in UTC. */
function momentOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return null;
  return millisecondsOf(`${text.replace(' ', 'T')}Z`);
}

/** The last day of a shorter month. */
const addMonths = takes(2, 2, (compiler, [of, count]) => {
  const [from, months] = [compiler.date(of), compiler.number(count)];
  return {
    type: 'date',
    run(env) {
      const [days, by] = [from(env), months(env)];
      if (days === null || by === null) return null;
      const start = new Date(days * DAY);
      const first = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + Math.trunc(by), 1);
      const length = new Date(Date.UTC(new Date(first).getUTCFullYear(), new Date(first).getUTCMonth() + 1, 0));
      return first / DAY + Math.min(start.getUTCDate(), length.getUTCDate()) - 1;
    },
  };
});

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

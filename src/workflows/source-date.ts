/**
 * Sources that are named by day: `{date}` in the URI of a source stands for the day of the load, as the clocks of its
 * time zone show it; `{date:yyyyMMdd}` writes it another way. Pure.
 */
import { shown } from '../domain/shown.js';

/** As a URI has them: braces that belong to the name of a file are written `%7B` and `%7D`. */
const DATE = /\{date(?::([^{}]*))?\}/gu;
const DEFAULT_FORM = 'yyyy-MM-dd';
/** What a form may have: parts of the date, and what stands between them. */
const FORM = /^(?:yyyy|MM|dd|HH|mm|[._-])+$/u;
const PART = /yyyy|MM|dd|HH|mm/gu;

export function isDated(source: string): boolean {
  return source.search(DATE) >= 0;
}

/** @returns what is wrong with the dates of an input, a sentence */
export function datesTrouble(input: { source: string; timeZone?: unknown }): string | undefined {
  for (const [whole, form = DEFAULT_FORM] of input.source.matchAll(DATE)) {
    if (!FORM.test(form)) {
      return `"source" has ${whole}: a date is made of yyyy, MM, dd, HH, mm and . _ - between them.`;
    }
  }
  if (input.timeZone === undefined || isTimeZone(input.timeZone)) return undefined;
  return `"timeZone" is ${shown(input.timeZone)}; it must be a time zone such as Europe/Berlin or UTC.`;
}

/** Whether there is such a time zone: `Europe/Berlin`, `UTC`. */
export function isTimeZone(name: unknown): name is string {
  try {
    return typeof name === 'string' && partsOf(0, name).size > 0;
  } catch {
    return false;
  }
}

/**
 * The source of the load that was due at a time.
 *
 * @param at milliseconds since 1970
 * @param timeZone one that {@link isTimeZone} knows
 */
export function datedSource(source: string, at: number, timeZone = 'UTC'): string {
  if (!isDated(source)) return source;
  const parts = partsOf(at, timeZone);
  return source.replaceAll(DATE, (_whole, form: string = DEFAULT_FORM) =>
    form.replaceAll(PART, (part) => parts.get(part) ?? part),
  );
}

/** `2026-11-26 01:00`, as the clocks of the zone show it. */
export function clockTime(at: number, timeZone: string): string {
  const parts = partsOf(at, timeZone);
  return 'yyyy-MM-dd HH:mm'.replaceAll(PART, (part) => parts.get(part) ?? part);
}

const PARTS: Readonly<Record<string, string>> = { year: 'yyyy', month: 'MM', day: 'dd', hour: 'HH', minute: 'mm' };

function partsOf(at: number, timeZone: string): Map<string, string> {
  // Named to the last detail: the language of the machine must not matter.
  const format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const parts = format.formatToParts(at).map(({ type, value }) => [PARTS[type] ?? type, value] as const);
  return new Map(parts);
}

/**
 * Sources named by day: `{date}` in a source URI stands for the day of the load, by the clocks of its time zone;
 * `{date:yyyyMMdd}` writes it in another format. Pure.
 */

/** As in URIs: braces that are part of a file name are written `%7B` and `%7D`. */
const DATE = /\{date(?::([^{}]*))?\}/gu;
const DEFAULT_FORM = 'yyyy-MM-dd';
/** A format may contain parts of the date and separators. */
const FORM = /^(?:yyyy|MM|dd|HH|mm|[._-])+$/u;
const PART = /yyyy|MM|dd|HH|mm/gu;

export function isDated(source: string): boolean {
  return source.search(DATE) >= 0;
}

/** The first date in a source that has no valid format, as it is written there. */
export function invalidDate(source: string): string | undefined {
  for (const [whole, form = DEFAULT_FORM] of source.matchAll(DATE)) {
    if (!FORM.test(form)) return whole;
  }
  return undefined;
}

/** Whether the time zone exists: `Europe/Berlin`, `UTC`. */
export function isTimeZone(name: unknown): name is string {
  try {
    return typeof name === 'string' && partsOf(0, name).size > 0;
  } catch {
    return false;
  }
}

/**
 * The source of the load that was due at the given time.
 *
 * @param at milliseconds since 1970
 * @param timeZone valid according to {@link isTimeZone}
 */
export function datedSource(source: string, at: number, timeZone = 'UTC'): string {
  if (!isDated(source)) return source;
  const parts = partsOf(at, timeZone);
  return source.replaceAll(DATE, (_whole, form: string = DEFAULT_FORM) =>
    form.replaceAll(PART, (part) => parts.get(part) ?? part),
  );
}

/** `2026-11-26 01:00`, by the clocks of the zone. */
export function clockTime(at: number, timeZone: string): string {
  const parts = partsOf(at, timeZone);
  return 'yyyy-MM-dd HH:mm'.replaceAll(PART, (part) => parts.get(part) ?? part);
}

const PARTS: Readonly<Record<string, string>> = { year: 'yyyy', month: 'MM', day: 'dd', hour: 'HH', minute: 'mm' };

function partsOf(at: number, timeZone: string): Map<string, string> {
  // All options are explicit: the machine's locale must not matter.
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

/** Formats numbers, times and names for people, the same in the Temporal UI, the terminal and messages. Pure. */

export function count(number: number): string {
  const digits = String(number);
  const groups = [digits.slice(0, digits.length % 3)];
  for (let at = digits.length % 3; at < digits.length; at += 3) groups.push(digits.slice(at, at + 3));
  return groups.filter((group) => group !== '').join(',');
}

export function rows(number: number): string {
  return `${count(number)} ${number === 1 ? 'row' : 'rows'}`;
}

/** `42 s`, `5 min`, `1.5 h`. */
export function time(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  return ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

/** `2026-11-25 06:30 UTC`, rounded up. */
export function moment(ms: number): string {
  const [day, clock] = new Date(Math.ceil(ms / 60_000) * 60_000).toISOString().split('T') as [string, string];
  return `${day} ${clock.slice(0, 5)} UTC`;
}

export function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.floor((100 * part) / whole)} %` : '0 %';
}

/** A file's name, short enough for a summary. */
export function nameOf(uri: string): string {
  // A folder's name is before its slash.
  const name = uri.replace(/\/$/, '').split('/').at(-1) ?? uri;
  return name.length > 40 ? `${name.slice(0, 39)}…` : name;
}

/** Like `clock` for a past moment: rounded down. */
export function pastClock(at: number, now: number): string {
  return clock(Math.floor(at / 60_000) * 60_000, now);
}

/** `03:40 UTC`, with the day when it is a different one. Rounded up: by that minute it has happened. */
export function clock(at: number, now: number): string {
  const [day, clockTime] = new Date(Math.ceil(at / 60_000) * 60_000).toISOString().split(/[TZ]/) as [string, string];
  const today = new Date(now).toISOString().startsWith(day);
  return `${today ? '' : `${day} `}${clockTime.slice(0, 5)} UTC`;
}

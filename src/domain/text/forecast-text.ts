/** A forecast as one line, the same in the Temporal UI and the terminal. Pure. */
import type { LoadForecast } from '../../contract/load-progress.js';
import { clock, pastClock } from './format.js';

/** `ends about 05:40 UTC (05:10 UTC to 06:20 UTC), should end by 06:00 UTC (people were told that it may be late)`. */
export function forecastText({ endsAt, earliest, latest, finishBy, late }: LoadForecast, now: number): string {
  const at = (iso: string): string => clock(Date.parse(iso), now);
  const by = hourText({ finishBy, late }, now);
  if (endsAt === undefined) return `end not foreseen, ${by}`;
  const spread = earliest === undefined || latest === undefined ? '' : ` (${at(earliest)} to ${at(latest)})`;
  return `ends about ${at(endsAt)}${spread}, ${by}`;
}

/** `should end by 06:00 UTC` */
export function hourText({ finishBy, late }: Pick<LoadForecast, 'finishBy' | 'late'>, now: number): string {
  return `should end by ${pastClock(Date.parse(finishBy), now)}${late ? ' (people were told that it may be late)' : ''}`;
}

/** A forecast as one line, the same in the Temporal UI and the terminal. Pure. */
import type { LoadForecast } from '../../contract/load-progress.js';
import { moment } from './format.js';

/** `ends about 2026-11-30 05:40 UTC (05:10 to 06:20), should end by 2026-11-30 06:00 UTC`. */
export function forecastText({ endsAt, earliest, latest, finishBy, late }: LoadForecast): string {
  const by = `should end by ${at(finishBy)}${late ? ': will be late' : ''}`;
  if (endsAt === undefined) return `not yet known, ${by}`;
  const spread = earliest === undefined || latest === undefined ? '' : ` (${clocks(earliest, latest)})`;
  return `ends about ${at(endsAt)}${spread}, ${by}`;
}

/** With the days only when they differ. */
function clocks(earliest: string, latest: string): string {
  const [from, to] = [at(earliest), at(latest)];
  return from.slice(0, 10) === to.slice(0, 10) ? `${from.slice(11, 16)} to ${to.slice(11, 16)}` : `${from} to ${to}`;
}

function at(iso: string): string {
  return moment(Date.parse(iso));
}

/** When a load was doing what, for its report. Bounded: rounds of corrections and pauses may be many. Pure. */
import { MAX_TIMES } from '../../protocol/activities/report-types.js';

export function enterTime<T>(times: T[] | undefined, time: T): void {
  if (times !== undefined && times.length < MAX_TIMES) times.push(time);
}

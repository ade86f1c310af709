/** Figures of past loads as text, the same in the terminal and on the page. Pure. */
import { count } from '../text/format.js';
import type { Measure } from './deviations.js';

export function measureText(measure: Measure, value: number): string {
  if (measure === 'lockShare') return `${(100 * value).toFixed(1)} %`;
  return measure === 'minutes' ? value.toFixed(1) : count(Math.round(value));
}

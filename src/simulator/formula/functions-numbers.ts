/** Functions about numbers. */
import { ofNumbers } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';

const MANY = 200;

/** Half away from zero. */
function round(value: number, digits: number): number {
  const scale = 10 ** Math.trunc(digits);
  const scaled = Math.abs(value) * scale;
  // 1.005 * 100 is 100.49999999999999.
  const corrected = Math.round(Number(scaled.toPrecision(15)));
  return (Math.sign(value) * corrected) / scale;
}

export const numberFunctions: Record<string, FormulaFunction> = {
  ABS: ofNumbers(1, 1, Math.abs),
  ROUND: ofNumbers(2, 2, round),
  // Rounds towards zero, and MCEILING and MFLOOR as in mathematics.
  FLOOR: ofNumbers(1, 1, Math.trunc),
  CEILING: ofNumbers(1, 1, (value) => (value < 0 ? Math.floor(value) : Math.ceil(value))),
  MFLOOR: ofNumbers(1, 1, Math.floor),
  MCEILING: ofNumbers(1, 1, Math.ceil),
  MOD: ofNumbers(2, 2, (value, by) => value - by * Math.floor(value / by)),
  MAX: ofNumbers(1, MANY, Math.max),
  MIN: ofNumbers(1, MANY, Math.min),
  SQRT: ofNumbers(1, 1, Math.sqrt),
};

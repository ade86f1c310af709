/** Functions about numbers. */
import { awayFromZero, ceiling, Decimal, floor, remainder, rounded, squareRoot, towardsZero } from './decimals.js';
import { ofNumber, ofTwoNumbers, takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';

const MANY = 200;

/** One of several numbers; a blank makes a blank. */
const chosen = (choose: (...numbers: Decimal[]) => Decimal): FormulaFunction =>
  takes(1, MANY, (compiler, args) => {
    const runs = args.map((arg) => compiler.number(arg));
    return {
      type: 'number',
      run(env) {
        const values = runs.map((run) => run(env));
        return values.includes(null) ? null : choose(...(values as Decimal[]));
      },
    };
  });

export const numberFunctions: Record<string, FormulaFunction> = {
  ABS: ofNumber((value) => value.abs()),
  ROUND: ofTwoNumbers(rounded),
  FLOOR: ofNumber(towardsZero),
  CEILING: ofNumber(awayFromZero),
  // These two as in mathematics.
  MFLOOR: ofNumber(floor),
  MCEILING: ofNumber(ceiling),
  MOD: ofTwoNumbers(remainder),
  MAX: chosen((...numbers) => Decimal.max(...numbers)),
  MIN: chosen((...numbers) => Decimal.min(...numbers)),
  SQRT: ofNumber(squareRoot),
};

/** Functions that make one type of another. */
import { Decimal, decimalOf, isNumeral, shownNumber } from './decimals.js';
import { EvaluationError } from './evaluation-error.js';
import { takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import { isLiteralPower } from './parse.js';
import type { Node } from './parse.js';
import { Unsupported } from './unsupported.js';
import { shownDate, shownDateTime } from './values.js';
import type { Type, Value } from './values.js';

const text = takes(1, 1, (compiler, [of]) => {
  const { type, run } = compiler.compile(of as Node);
  if (isConstant(of as Node)) return { type: 'text', run: (env) => (run(env) as Decimal).toFixed() };
  if (type === 'boolean') throw new Unsupported('TEXT has a checkbox');
  if (type === 'choices') throw new Unsupported('TEXT has a multi-select picklist');
  return { type: 'text', run: (env) => shown(type, run(env)) };
});

/** A literal, or a power of two: the platform shows 0.5 as 0.5 then, and otherwise as .5. */
const isConstant = (node: Node): boolean => node.kind === 'number' || isLiteralPower(node);

function shown(type: Type, value: Value): string {
  if (value instanceof Decimal) return shownNumber(value);
  if (typeof value !== 'number') return value === null ? '' : String(value);
  return type === 'date' ? shownDate(value) : shownDateTime(value);
}

const value = takes(1, 1, (compiler, [of]) => {
  const run = compiler.text(of);
  return {
    type: 'number',
    run(env) {
      const given = run(env);
      if (given === '') return null;
      const number = decimalOf(given);
      // The platform names no value, because it may be confidential.
      if (number === undefined) throw new EvaluationError("The value 'null' is not a valid number.");
      return number;
    },
  };
});

const isNumber = takes(1, 1, (compiler, [of]) => {
  const run = compiler.text(of);
  return { type: 'boolean', run: (env) => isNumeral(run(env)) };
});

export const conversionFunctions: Record<string, FormulaFunction> = {
  TEXT: text,
  VALUE: value,
  ISNUMBER: isNumber,
};

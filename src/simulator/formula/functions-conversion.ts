/** Functions that make one type of another. */
import { takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import type { Node } from './parse.js';
import { Unsupported } from './unsupported.js';
import { shownDate, shownDateTime, shownNumber } from './values.js';
import type { Type, Value } from './values.js';

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

const text = takes(1, 1, (compiler, [of]) => {
  const { type, run } = compiler.compile(of as Node);
  if (type === 'boolean') throw new Unsupported('TEXT has a checkbox');
  if (type === 'choices') throw new Unsupported('TEXT has a multi-select picklist');
  return { type: 'text', run: (env) => shown(type, run(env)) };
});

function shown(type: Type, value: Value): string {
  if (typeof value !== 'number') return value === null ? '' : String(value);
  if (type === 'date') return shownDate(value);
  return type === 'datetime' ? shownDateTime(value) : shownNumber(value);
}

const value = takes(1, 1, (compiler, [of]) => {
  const run = compiler.text(of);
  return {
    type: 'number',
    run(env) {
      const given = run(env).trim();
      return NUMBER.test(given) ? Number(given) : null;
    },
  };
});

const isNumber = takes(1, 1, (compiler, [of]) => {
  const run = compiler.text(of);
  return { type: 'boolean', run: (env) => NUMBER.test(run(env).trim()) };
});

export const conversionFunctions: Record<string, FormulaFunction> = {
  TEXT: text,
  VALUE: value,
  ISNUMBER: isNumber,
};

/** Shapes of functions in formulas. */
import type { Field } from '../org/fields.js';
import type { Decimal } from './decimals.js';
import type { Node } from './parse.js';
import type { Compiled, Env } from './values.js';

/** Compiles the values of a function. @throws Unsupported */
export interface FormulaCompiler {
  compile(node: Node): Compiled;
  number(node: Node | undefined): (env: Env) => Decimal | null;
  /** Blank is false. */
  boolean(node: Node | undefined): (env: Env) => boolean;
  truth(node: Node | undefined): Truth;
  /** Blank is ''. */
  text(node: Node | undefined): (env: Env) => string;
  date(node: Node | undefined): (env: Env) => number | null;
  /** The field that a value names. */
  field(node: Node | undefined): Field;
  /** Reads a field. */
  reader(field: Field, when: 'after' | 'before'): Compiled;
}

/** Null if it is neither, as a comparison with a blank number. */
export type Truth = (env: Env) => boolean | null;

/** What is neither true nor false has no opposite. */
export const negation = (of: Truth): Compiled => ({
  type: 'boolean',
  run(env) {
    const value = of(env);
    return value === null ? null : !value;
  },
});

export interface FormulaFunction {
  /** Number of values. */
  least: number;
  most: number;
  make: (compiler: FormulaCompiler, args: readonly Node[]) => Compiled;
}

export const takes = (least: number, most: number, make: FormulaFunction['make']): FormulaFunction => ({
  least,
  most,
  make,
});

/** A text from texts. */
export const ofTexts = (count: number, work: (...texts: string[]) => string): FormulaFunction =>
  takes(count, count, (compiler, args) => {
    const runs = args.map((arg) => compiler.text(arg));
    return { type: 'text', run: (env) => work(...runs.map((run) => run(env))) };
  });

/** Whether a text has a part. Every text has a blank part; whether a blank text has another one is blank. */
export const aboutPart = (work: (text: string, part: string) => boolean): FormulaFunction =>
  takes(2, 2, (compiler, [of, wanted]) => {
    const [text, part] = [compiler.text(of), compiler.text(wanted)];
    return {
      type: 'boolean',
      run(env) {
        const [whole, searched] = [text(env), part(env)];
        if (searched === '') return true;
        return whole === '' ? null : work(whole, searched);
      },
    };
  });

/** A number from one. */
export const ofNumber = (work: (number: Decimal) => Decimal): FormulaFunction =>
  takes(1, 1, (compiler, [of]) => {
    const number = compiler.number(of);
    return {
      type: 'number',
      run(env) {
        const value = number(env);
        return value === null ? null : work(value);
      },
    };
  });

/** A number from two; a blank makes a blank. */
export const ofTwoNumbers = (work: (one: Decimal, other: Decimal) => Decimal): FormulaFunction =>
  takes(2, 2, (compiler, args) => {
    const [one, other] = args.map((arg) => compiler.number(arg)) as [NumberOf, NumberOf];
    return { type: 'number', run: (env) => calculated(one(env), other(env), work) };
  });

type NumberOf = (env: Env) => Decimal | null;

export function calculated(
  one: Decimal | null,
  other: Decimal | null,
  work: (one: Decimal, other: Decimal) => Decimal,
): Decimal | null {
  return one === null || other === null ? null : work(one, other);
}

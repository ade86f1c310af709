/** Shapes of functions in formulas. */
import type { Field } from '../org/fields.js';
import type { Node } from './parse.js';
import type { Compiled, Env } from './values.js';

/** Compiles the values of a function. @throws Unsupported */
export interface FormulaCompiler {
  compile(node: Node): Compiled;
  number(node: Node | undefined): (env: Env) => number | null;
  boolean(node: Node | undefined): (env: Env) => boolean;
  /** Blank is ''. */
  text(node: Node | undefined): (env: Env) => string;
  date(node: Node | undefined): (env: Env) => number | null;
  /** The field that a value names. */
  field(node: Node | undefined): Field;
  /** Reads a field. */
  reader(field: Field, when: 'after' | 'before'): Compiled;
}

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

/** True or false from texts. */
export const aboutTexts = (count: number, work: (...texts: string[]) => boolean): FormulaFunction =>
  takes(count, count, (compiler, args) => {
    const runs = args.map((arg) => compiler.text(arg));
    return { type: 'boolean', run: (env) => work(...runs.map((run) => run(env))) };
  });

/** A number from numbers; a blank makes a blank. */
export const ofNumbers = (least: number, most: number, work: (...numbers: number[]) => number): FormulaFunction =>
  takes(least, most, (compiler, args) => {
    const runs = args.map((arg) => compiler.number(arg));
    return { type: 'number', run: (env) => numeric(runs, env, work) };
  });

/** What has no result is blank. */
function numeric(
  runs: readonly ((env: Env) => number | null)[],
  env: Env,
  work: (...numbers: number[]) => number,
): number | null {
  const values = runs.map((run) => run(env));
  if (values.includes(null)) return null;
  const result = work(...(values as number[]));
  return Number.isFinite(result) ? result : null;
}

/** Functions about conditions, blanks and changes. */
import { asText, commonType, equality, isSame, isSameChoice } from './operands.js';
import { EvaluationError } from './evaluation-error.js';
import { negation, takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import type { Node } from './parse.js';
import { decided } from './unknown-value.js';
import { Unsupported } from './unsupported.js';
import { isBlank, isTextual } from './values.js';
import type { Compiled, Env, Type, Value } from './values.js';

const MANY = 200;

const all = takes(1, MANY, (compiler, args) => {
  const runs = args.map((arg) => compiler.boolean(arg));
  return { type: 'boolean', run: (env) => decided(runs, env, false) };
});

const any = takes(1, MANY, (compiler, args) => {
  const runs = args.map((arg) => compiler.boolean(arg));
  return { type: 'boolean', run: (env) => decided(runs, env, true) };
});

const not = takes(1, 1, (compiler, [of]) => {
  return negation(compiler.truth(of));
});

const ifThenElse = takes(3, 3, (compiler, [condition, yes, no]) => {
  const test = compiler.boolean(condition);
  const [one, other] = [compiler.compile(yes as Node), compiler.compile(no as Node)];
  const type = commonType(one, other);
  return { type, run: (env) => filled(type, test(env) ? one.run(env) : other.run(env)) };
});

/** CASE(value, when, then, …, otherwise) */
const cases = takes(4, MANY, (compiler, args) => {
  if (args.length % 2 !== 0) throw new Unsupported('CASE has no value for all other cases');
  const [of, ...rest] = args as [Node, ...Node[]];
  const value = compiler.compile(of);
  const otherwise = compiler.compile(rest.pop() as Node);
  const branches: { when: Compiled; fits: Fits; then: Compiled }[] = [];
  for (let i = 0; i < rest.length; i += 2) {
    const when = compiler.compile(rest[i] as Node);
    branches.push({ when, fits: fitsCase(value, when), then: compiler.compile(rest[i + 1] as Node) });
  }
  let type: Type = otherwise.type;
  for (const { then } of branches) type = commonType({ type }, then);
  return {
    type,
    run(env) {
      const given = value.run(env);
      const found = branches.findIndex(({ when, fits }) => fits(given, when.run(env)));
      const result = (branches[found]?.then ?? otherwise).run(env);
      if (found !== -1) checkUnneeded([otherwise, ...branches.slice(found + 1).map(({ when }) => when)], env);
      checkUnneeded(
        branches.filter((_, i) => i !== found).map(({ then }) => then),
        env,
      );
      return filled(type, result);
    },
  };
});

/**
 * The platform also evaluates values that are not needed, so an error in one is an error of the whole. What nobody
 * knows does not matter there.
 * @throws EvaluationError
 */
function checkUnneeded(values: readonly Compiled[], env: Env): void {
  for (const { run } of values) {
    try {
      run(env);
    } catch (error) {
      if (error instanceof EvaluationError) throw error;
    }
  }
}

type Fits = (value: Value, when: Value) => boolean | null;

/** A picklist may be compared with texts here. */
function fitsCase(value: Compiled, when: Compiled): Fits {
  if (value.type !== 'choice') return equality(value, when);
  asText(when);
  return (one, other) => isSameChoice(String(one), String(other ?? ''));
}

const picked =
  ({ run }: Compiled, wanted: (env: Env) => string) =>
  (env: Env): boolean =>
    isSameChoice(String(run(env)), wanted(env));

/** A null in a branch is a blank of the type of the other branch. */
const filled = (type: Type, value: Value): Value => (value === null && isTextual(type) ? '' : value);

const blank = takes(1, 1, (compiler, [of]) => {
  const { run } = compiler.compile(of as Node);
  return { type: 'boolean', run: (env) => isBlank(run(env)) };
});

/** Never true for a text, as documented. */
const nul = takes(1, 1, (compiler, [of]) => {
  const { type, run } = compiler.compile(of as Node);
  const isText = type === 'text' || type === 'id';
  return { type: 'boolean', run: (env) => !isText && isBlank(run(env)) };
});

const replacedBlank = (isReplaced: (type: Type) => boolean): FormulaFunction =>
  takes(2, 2, (compiler, [of, instead]) => {
    const [one, other] = [compiler.compile(of as Node), compiler.compile(instead as Node)];
    const type = commonType(one, other);
    const replaces = isReplaced(type);
    return {
      type,
      run(env) {
        const value = one.run(env);
        if (replaces && isBlank(value)) return filled(type, other.run(env));
        checkUnneeded([other], env);
        return filled(type, value);
      },
    };
  });

const isPickVal = takes(2, 2, (compiler, [of, wanted]) => {
  const value = compiler.compile(of as Node);
  if (value.type !== 'choice') throw new Unsupported('ISPICKVAL needs a picklist');
  return { type: 'boolean', run: picked(value, compiler.text(wanted)) };
});

const includes = takes(2, 2, (compiler, [of, wanted]) => {
  const { type, run } = compiler.compile(of as Node);
  if (type !== 'choices') throw new Unsupported('INCLUDES needs a multi-select picklist');
  const value = compiler.text(wanted);
  return {
    type: 'boolean',
    run(env) {
      const searched = value(env);
      return String(run(env))
        .split(';')
        .some((one) => isSameChoice(one, searched));
    },
  };
});

const isNew = takes(0, 0, () => ({ type: 'boolean', run: (env) => env.isNew }));

/** False for a new record. */
const isChanged = takes(1, 1, (compiler, [of]) => {
  const field = compiler.field(of);
  const [after, before] = [compiler.reader(field, 'after'), compiler.reader(field, 'before')];
  return { type: 'boolean', run: (env) => !env.isNew && !isSame(after.run(env), before.run(env)) };
});

/** The current value for a new record. */
const priorValue = takes(1, 1, (compiler, [of]) => {
  const field = compiler.field(of);
  const [after, before] = [compiler.reader(field, 'after'), compiler.reader(field, 'before')];
  return { type: after.type, run: (env) => (env.isNew ? after : before).run(env) };
});

export const logicFunctions: Record<string, FormulaFunction> = {
  AND: all,
  OR: any,
  NOT: not,
  IF: ifThenElse,
  CASE: cases,
  ISBLANK: blank,
  ISNULL: nul,
  BLANKVALUE: replacedBlank(() => true),
  // A text is never null.
  NULLVALUE: replacedBlank((type) => type !== 'text' && type !== 'id'),
  ISPICKVAL: isPickVal,
  INCLUDES: includes,
  ISNEW: isNew,
  ISCHANGED: isChanged,
  PRIORVALUE: priorValue,
};

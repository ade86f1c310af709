/** Functions about conditions, blanks and changes. */
import { asText, commonType, equals } from './operands.js';
import { takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import type { Node } from './parse.js';
import { Unsupported } from './unsupported.js';
import { isBlank, isTextual } from './values.js';
import type { Compiled, Env, Type, Value } from './values.js';

const MANY = 200;

const all = takes(1, MANY, (compiler, args) => {
  const runs = args.map((arg) => compiler.boolean(arg));
  return { type: 'boolean', run: (env) => runs.every((run) => run(env)) };
});

const any = takes(1, MANY, (compiler, args) => {
  const runs = args.map((arg) => compiler.boolean(arg));
  return { type: 'boolean', run: (env) => runs.some((run) => run(env)) };
});

const not = takes(1, 1, (compiler, [of]) => {
  const run = compiler.boolean(of);
  return { type: 'boolean', run: (env) => !run(env) };
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
  const branches: { fits: (env: Env) => boolean; then: Compiled }[] = [];
  for (let i = 0; i < rest.length; i += 2) {
    branches.push({
      fits: fitsCase(value, compiler.compile(rest[i] as Node)),
      then: compiler.compile(rest[i + 1] as Node),
    });
  }
  let type: Type = otherwise.type;
  for (const { then } of branches) type = commonType({ type }, then);
  return {
    type,
    run: (env) => filled(type, (branches.find(({ fits }) => fits(env))?.then ?? otherwise).run(env)),
  };
});

/** A picklist may be compared with texts here. */
function fitsCase(value: Compiled, when: Compiled): (env: Env) => boolean {
  if (value.type !== 'choice') return equals(value, when);
  const wanted = asText(when);
  return (env) => value.run(env) === wanted(env);
}

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

const blankValue = takes(2, 2, (compiler, [of, instead]) => {
  const [one, other] = [compiler.compile(of as Node), compiler.compile(instead as Node)];
  const type = commonType(one, other);
  return {
    type,
    run(env) {
      const value = one.run(env);
      return filled(type, isBlank(value) ? other.run(env) : value);
    },
  };
});

const isPickVal = takes(2, 2, (compiler, [of, wanted]) => {
  const { type, run } = compiler.compile(of as Node);
  if (type !== 'choice') throw new Unsupported('ISPICKVAL needs a picklist');
  const value = compiler.text(wanted);
  return { type: 'boolean', run: (env) => run(env) === value(env) };
});

const includes = takes(2, 2, (compiler, [of, wanted]) => {
  const { type, run } = compiler.compile(of as Node);
  if (type !== 'choices') throw new Unsupported('INCLUDES needs a multi-select picklist');
  const value = compiler.text(wanted);
  return { type: 'boolean', run: (env) => String(run(env)).split(';').includes(value(env)) };
});

const isNew = takes(0, 0, () => ({ type: 'boolean', run: (env) => env.isNew }));

/** False for a new record. */
const isChanged = takes(1, 1, (compiler, [of]) => {
  const field = compiler.field(of);
  const [after, before] = [compiler.reader(field, 'after'), compiler.reader(field, 'before')];
  return { type: 'boolean', run: (env) => !env.isNew && after.run(env) !== before.run(env) };
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
  BLANKVALUE: blankValue,
  NULLVALUE: blankValue,
  ISPICKVAL: isPickVal,
  INCLUDES: includes,
  ISNEW: isNew,
  ISCHANGED: isChanged,
  PRIORVALUE: priorValue,
};

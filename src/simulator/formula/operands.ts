/** Operands of a type that an operator or a function needs. */
import { Decimal } from './decimals.js';
import { Unsupported } from './unsupported.js';
import { isBlank, isTextual } from './values.js';
import type { Compiled, Env, Type, Value } from './values.js';

export function asType({ type, run }: Compiled, wanted: Type): (env: Env) => Value {
  if (type === 'nothing') return () => null;
  if (type !== wanted) throw new Unsupported(`it uses a ${type} as a ${wanted}`);
  return run;
}

export const asNumber = (of: Compiled): ((env: Env) => Decimal | null) =>
  asType(of, 'number') as (env: Env) => Decimal | null;

/** Blank is ''. */
export function asText({ type, run }: Compiled): (env: Env) => string {
  if (type === 'nothing') return () => '';
  if (type === 'choice' || type === 'choices') throw new Unsupported('it uses a picklist as a text, without TEXT');
  if (!isTextual(type)) throw new Unsupported(`it uses a ${type} as a text`);
  return run as (env: Env) => string;
}

/** The type that both have. */
export function commonType(a: Pick<Compiled, 'type'>, b: Pick<Compiled, 'type'>): Type {
  for (const { type } of [a, b]) {
    if (type === 'choice' || type === 'choices') {
      throw new Unsupported('it compares a picklist without ISPICKVAL or TEXT');
    }
  }
  if (a.type === 'nothing') return b.type;
  if (b.type === 'nothing' || a.type === b.type) return a.type;
  if (isTextual(a.type) && isTextual(b.type)) return 'text';
  throw new Unsupported(`it mixes a ${a.type} and a ${b.type}`);
}

/**
 * Whether two values are equal. A blank text is an empty text and a blank checkbox is false; every other blank is
 * neither equal nor unequal to anything, which is null here.
 */
export function equality(
  a: Pick<Compiled, 'type'>,
  b: Pick<Compiled, 'type'>,
): (one: Value, other: Value) => boolean | null {
  const type = commonType(a, b);
  if (type === 'boolean') return (one, other) => (one === true) === (other === true);
  if (type !== 'text' && type !== 'id') {
    return (one, other) => (isBlank(one) || isBlank(other) ? null : isSame(one, other));
  }
  // Ids have 15 characters in formulas, whatever the literal has.
  const length = a.type === 'id' || b.type === 'id' ? 15 : undefined;
  const textOf = (value: Value): string => String(value ?? '').slice(0, length);
  return (one, other) => textOf(one) === textOf(other);
}

export function equals(a: Compiled, b: Compiled): (env: Env) => boolean | null {
  const isEqual = equality(a, b);
  return (env) => isEqual(a.run(env), b.run(env));
}

export const isSame = (one: Value, other: Value): boolean =>
  one instanceof Decimal && other instanceof Decimal ? one.eq(other) : one === other;

/** Negative, 0 or positive, for two values of one type. */
export function order(one: Value, other: Value): number {
  if (one instanceof Decimal && other instanceof Decimal) return one.cmp(other);
  const [a, b] = [one as string, other as string];
  return a < b ? -1 : Number(a > b);
}

/** Picklist values are compared without regard to case. */
export const isSameChoice = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** Operands of a type that an operator or a function needs. */
import { Unsupported } from './unsupported.js';
import { isBlank, isTextual } from './values.js';
import type { Compiled, Env, Type, Value } from './values.js';

export function asType({ type, run }: Compiled, wanted: Type): (env: Env) => Value {
  if (type === 'nothing') return () => null;
  if (type !== wanted) throw new Unsupported(`it uses a ${type} as a ${wanted}`);
  return run;
}

export const asNumber = (of: Compiled): ((env: Env) => number | null) =>
  asType(of, 'number') as (env: Env) => number | null;

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

/** Whether two values are equal; two blanks are. */
export function equals(a: Compiled, b: Compiled): (env: Env) => boolean {
  commonType(a, b);
  const isShort = a.type === 'id' || b.type === 'id';
  return (env) => {
    const [one, other] = [a.run(env), b.run(env)];
    if (isBlank(one) || isBlank(other)) return isBlank(one) && isBlank(other);
    // Ids have 15 characters in formulas, whatever the literal has.
    return isShort ? String(one).slice(0, 15) === String(other).slice(0, 15) : one === other;
  };
}

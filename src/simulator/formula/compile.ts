/**
 * Compiles a formula into a function. Types are checked here, as the platform does when a rule is saved, so that what
 * cannot be evaluated is known before any row comes.
 */
import type { SObject } from '../org/fields.js';
import { Decimal, divided, finite, literalPower, power } from './decimals.js';
import { calculated, negation } from './function-kinds.js';
import type { FormulaCompiler, Truth } from './function-kinds.js';
import { FUNCTIONS } from './functions.js';
import { asNumber, asText, asType, commonType, equals, order } from './operands.js';
import { isLiteralPower, parseFormula } from './parse.js';
import type { Node } from './parse.js';
import { decided } from './unknown-value.js';
import { Unsupported } from './unsupported.js';
import { dateInRange, DAY, isBlank, isTextual, MAX_TEXT, SECOND, typeOf, valueOf } from './values.js';
import type { Compiled, Env, Type } from './values.js';
import type { Field } from '../org/fields.js';

/** Fields whose values the org does not keep. */
const NOT_KEPT = ['CreatedDate', 'CreatedById', 'LastModifiedDate', 'LastModifiedById', 'SystemModstamp', 'IsDeleted'];

/**
 * Whether a rule's formula is true. The function throws an `EvaluationError` for a record that it has no result for.
 * @throws Unsupported
 */
export function compileRule(formula: string, object: SObject): (env: Env) => boolean {
  const compiler = new Compiler(object);
  const { type, run } = compiler.compile(parseFormula(formula));
  if (type !== 'boolean' && type !== 'nothing') throw new Unsupported(`it is a ${type}, not true or false`);
  return (env) => run(env) === true;
}

class Compiler implements FormulaCompiler {
  readonly #fields: Map<string, Field>;
  readonly #object: SObject;

  constructor(object: SObject) {
    this.#object = object;
    this.#fields = new Map(object.fields.map((field) => [field.name.toLowerCase(), field]));
  }

  compile(node: Node): Compiled {
    switch (node.kind) {
      case 'number':
      case 'text':
      case 'boolean': {
        const { kind, value } = node;
        return { type: kind, run: () => value };
      }
      case 'null':
        return { type: 'nothing', run: () => null };
      case 'name':
        return this.#name(node.name);
      case 'not':
        return negation(this.truth(node.of));
      case 'minus': {
        const run = this.number(node.of);
        return { type: 'number', run: (env) => run(env)?.neg() ?? null };
      }
      case 'call':
        return this.#call(node.name, node.args);
      case 'binary':
        return this.#binary(node.sign, node.left, node.right);
    }
  }

  /** The field that an argument names. */
  field(node: Node | undefined): Field {
    if (node?.kind !== 'name') throw new Unsupported('it needs a field where there is none');
    return this.#fieldOf(node.name);
  }

  /** Reads a field, afterwards or before. */
  reader(field: Field, when: 'after' | 'before'): Compiled {
    const type = typeOf(field);
    if (type === undefined) throw new Unsupported(`it reads ${field.name}, a field of type ${field.type}`);
    return { type, run: (env) => valueOf(field, type, env[when](field)) };
  }

  number(node: Node | undefined): (env: Env) => Decimal | null {
    return asNumber(this.#given(node));
  }

  boolean(node: Node | undefined): (env: Env) => boolean {
    const run = this.truth(node);
    return (env) => run(env) === true;
  }

  truth(node: Node | undefined): Truth {
    return asType(this.#given(node), 'boolean') as Truth;
  }

  text(node: Node | undefined): (env: Env) => string {
    return asText(this.#given(node));
  }

  date(node: Node | undefined): (env: Env) => number | null {
    return asType(this.#given(node), 'date') as (env: Env) => number | null;
  }

  #given(node: Node | undefined): Compiled {
    if (node === undefined) throw new Unsupported('a function has too few values');
    return this.compile(node);
  }

  #call(name: string, args: readonly Node[]): Compiled {
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined) throw new Unsupported(`it uses the function ${name}`);
    const { least, most, make } = known;
    if (args.length < least || args.length > most) throw new Unsupported(`${name} has ${args.length} values`);
    return make(this, args);
  }

  #name(name: string): Compiled {
    const parts = name.split('.');
    const [first = '', second = ''] = parts.map((part) => part.toLowerCase());
    if (first === 'recordtype' && parts.length === 2) return this.#recordType(second, name);
    if (name.startsWith('$')) throw new Unsupported(`it reads ${name}, which is not part of the folder`);
    if (parts.length > 1) throw new Unsupported(`it reads ${name}, a field of another record`);
    return this.reader(this.#fieldOf(name), 'after');
  }

  #recordType(part: string, name: string): Compiled {
    if ((this.#object.recordTypes ?? []).length === 0) {
      throw new Unsupported(`it reads ${name}, and the folder has no record types of ${this.#object.name}`);
    }
    if (part === 'developername') return { type: 'text', run: ({ recordType }) => recordType('developerName') };
    if (part === 'name') return { type: 'text', run: ({ recordType }) => recordType('label') };
    throw new Unsupported(`it reads ${name}`);
  }

  #fieldOf(name: string): Field {
    if (name.startsWith('$')) throw new Unsupported(`it reads ${name}, which is not part of the folder`);
    if (name.includes('.')) throw new Unsupported(`it reads ${name}, a field of another record`);
    const field = this.#fields.get(name.toLowerCase());
    if (field === undefined) throw new Unsupported(`it reads ${name}, which is not in the describe`);
    if (field.calculated) throw new Unsupported(`it reads ${name}, a formula or roll-up field`);
    if (NOT_KEPT.includes(field.name)) throw new Unsupported(`it reads ${name}, which the simulated org does not keep`);
    return field;
  }

  #binary(sign: string, left: Node, right: Node): Compiled {
    switch (sign) {
      case '&&':
      case '||': {
        const [a, b] = [this.boolean(left), this.boolean(right)];
        return { type: 'boolean', run: (env) => decided([a, b], env, sign === '||') };
      }
      case '&':
        return joined(this.compile(left), this.compile(right));
      case '=':
      case '==':
      case '<>':
      case '!=': {
        const equal = this.#picked(left, right) ?? equals(this.compile(left), this.compile(right));
        return sign === '<>' || sign === '!=' ? negation(equal) : { type: 'boolean', run: equal };
      }
      case '<':
      case '>':
      case '<=':
      case '>=':
        return this.#ordered(sign, left, right);
      default:
        return this.#arithmetic(sign, left, right);
    }
  }

  /** The platform makes ISPICKVAL of a comparison between TEXT of a picklist and a literal. */
  #picked(left: Node, right: Node): Truth | undefined {
    const [shown, literal] = left.kind === 'text' ? [right, left] : [left, right];
    if (literal.kind !== 'text' || shown.kind !== 'call' || shown.name !== 'TEXT') return undefined;
    const [of] = shown.args;
    // A field, or its PRIORVALUE: nothing deeper, which would be compiled twice.
    if (of?.kind !== 'name' && !(of?.kind === 'call' && of.name === 'PRIORVALUE')) return undefined;
    if (this.compile(of).type !== 'choice') return undefined;
    return this.#call('ISPICKVAL', [of, literal]).run as Truth;
  }

  #ordered(sign: string, left: Node, right: Node): Compiled {
    const [a, b] = [this.compile(left), this.compile(right)];
    const type = commonType(a, b);
    if (type === 'boolean') throw new Unsupported('it orders true and false');
    const fits = ORDER[sign] as (order: number) => boolean;
    return {
      type: 'boolean',
      run(env) {
        const [one, other] = [a.run(env), b.run(env)];
        return isBlank(one) || isBlank(other) ? null : fits(order(one, other));
      },
    };
  }

  #arithmetic(sign: string, left: Node, right: Node): Compiled {
    const [a, b] = [this.compile(left), this.compile(right)];
    if (sign === '+' && isTextual(a.type) && isTextual(b.type)) return joined(a, b);
    if (sign === '+' || sign === '-') {
      const moved = shiftOf(sign, a, b);
      if (moved !== undefined) return moved;
    }
    const [one, other] = [asNumber(a), asNumber(b)];
    const work = isLiteralPower({ kind: 'binary', sign, left, right })
      ? literalPower
      : (ARITHMETIC[sign] as Arithmetic);
    return { type: 'number', run: (env) => calculated(one(env), other(env), work) };
  }
}

function joined(a: Compiled, b: Compiled): Compiled {
  const [one, other] = [asText(a), asText(b)];
  return {
    type: 'text',
    run(env) {
      const text = one(env) + other(env);
      return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
    },
  };
}

/** Dates and datetimes plus or minus days, and their differences in days. */
function shiftOf(sign: '+' | '-', a: Compiled, b: Compiled): Compiled | undefined {
  const isMoment = (type: Type): boolean => type === 'date' || type === 'datetime';
  const direction = sign === '+' ? 1 : -1;
  if (isMoment(a.type) && a.type === b.type && sign === '-') {
    const unit = a.type === 'date' ? 1 : DAY;
    return {
      type: 'number',
      run(env) {
        const [one, other] = [a.run(env) as number | null, b.run(env) as number | null];
        return one === null || other === null ? null : new Decimal(one - other).div(unit);
      },
    };
  }
  const [moment, days] = isMoment(a.type) ? [a, b] : [b, a];
  if (!isMoment(moment.type) || days.type !== 'number' || (moment === b && sign === '-')) return undefined;
  const type = moment.type;
  return {
    type,
    run(env) {
      const [from, by] = [moment.run(env) as number | null, days.run(env) as Decimal | null];
      if (from === null || by === null) return null;
      if (type === 'date') return dateInRange(from + direction * by.trunc().toNumber());
      // To the second.
      const seconds = by.times(DAY / SECOND).toDecimalPlaces(0);
      const moved = from + direction * seconds.toNumber() * SECOND;
      dateInRange(moved / DAY);
      return moved;
    },
  };
}

type Arithmetic = (one: Decimal, other: Decimal) => Decimal;

const ARITHMETIC: Record<string, Arithmetic> = {
  '+': (one, other) => finite(one.plus(other)),
  '-': (one, other) => finite(one.minus(other)),
  '*': (one, other) => finite(one.times(other)),
  '/': divided,
  '^': power,
};

const ORDER: Record<string, (order: number) => boolean> = {
  '<': (order) => order < 0,
  '>': (order) => order > 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
};

/**
 * Compiles a formula into a function. Types are checked here, as the platform does when a rule is saved, so that what
 * cannot be evaluated is known before any row comes.
 */
import type { SObject } from '../org/fields.js';
import { FUNCTIONS } from './functions.js';
import { asNumber, asText, asType, commonType, equals } from './operands.js';
import type { FormulaCompiler } from './function-kinds.js';
import { parseFormula } from './parse.js';
import type { Node } from './parse.js';
import { Unsupported } from './unsupported.js';
import { DAY, isBlank, isTextual, MAX_TEXT, typeOf, valueOf } from './values.js';
import type { Compiled, Env, Type, Value } from './values.js';
import type { Field } from '../org/fields.js';

/** Fields whose values the org does not keep. */
const NOT_KEPT = ['CreatedDate', 'CreatedById', 'LastModifiedDate', 'LastModifiedById', 'SystemModstamp', 'IsDeleted'];

/** Whether a rule's formula is true. @throws Unsupported */
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
        return this.#not(node.of);
      case 'minus': {
        const run = this.number(node.of);
        return { type: 'number', run: (env) => negated(run(env)) };
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

  number(node: Node | undefined): (env: Env) => number | null {
    return asNumber(this.#given(node));
  }

  boolean(node: Node | undefined): (env: Env) => boolean {
    const run = asType(this.#given(node), 'boolean');
    return (env) => run(env) === true;
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

  #not(of: Node): Compiled {
    const run = this.boolean(of);
    return { type: 'boolean', run: (env) => !run(env) };
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
        return { type: 'boolean', run: sign === '&&' ? (env) => a(env) && b(env) : (env) => a(env) || b(env) };
      }
      case '&':
        return joined(this.compile(left), this.compile(right));
      case '=':
      case '==':
      case '<>':
      case '!=': {
        const equal = equals(this.compile(left), this.compile(right));
        return { type: 'boolean', run: sign === '<>' || sign === '!=' ? (env) => !equal(env) : equal };
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

  #ordered(sign: string, left: Node, right: Node): Compiled {
    const [a, b] = [this.compile(left), this.compile(right)];
    const type = commonType(a, b);
    if (type === 'boolean') throw new Unsupported('it orders true and false');
    const fits = ORDER[sign] as (one: Value, other: Value) => boolean;
    return {
      type: 'boolean',
      run(env) {
        const [one, other] = [a.run(env), b.run(env)];
        // Nothing is more or less than a blank.
        return !isBlank(one) && !isBlank(other) && fits(one, other);
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
    const work = ARITHMETIC[sign] as (one: number, other: number) => number;
    return { type: 'number', run: (env) => finite(calculated(one(env), other(env), work)) };
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
  const calculate = (run: (one: number, other: number) => number) => (env: Env) =>
    calculated(a.run(env) as number | null, b.run(env) as number | null, run);
  if (isMoment(a.type) && a.type === b.type && sign === '-') {
    const unit = a.type === 'date' ? 1 : DAY;
    return { type: 'number', run: calculate((one, other) => (one - other) / unit) };
  }
  const [moment, days] = isMoment(a.type) ? [a, b] : [b, a];
  if (!isMoment(moment.type) || days.type !== 'number' || (moment === b && sign === '-')) return undefined;
  const type = moment.type;
  return {
    type,
    run(env) {
      const [from, by] = [moment.run(env) as number | null, days.run(env) as number | null];
      if (from === null || by === null) return null;
      return type === 'date' ? from + direction * Math.trunc(by) : Math.round(from + direction * by * DAY);
    },
  };
}

function calculated(
  one: number | null,
  other: number | null,
  work: (one: number, other: number) => number,
): number | null {
  return one === null || other === null ? null : work(one, other);
}

/** What has no result, such as a division by zero, is blank. */
const finite = (value: number | null): number | null => (value === null || !Number.isFinite(value) ? null : value);

const negated = (value: number | null): number | null => (value === null ? null : -value);

const ARITHMETIC: Record<string, (one: number, other: number) => number> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / other,
  '^': (one, other) => one ** other,
};

const ORDER: Record<string, (one: Value, other: Value) => boolean> = {
  '<': (one, other) => (one as number) < (other as number),
  '>': (one, other) => (one as number) > (other as number),
  '<=': (one, other) => (one as number) <= (other as number),
  '>=': (one, other) => (one as number) >= (other as number),
};

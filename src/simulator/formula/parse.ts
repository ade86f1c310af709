/** Parses a formula into a tree. */
import { decimalOf } from './decimals.js';
import type { Decimal } from './decimals.js';
import { tokensOf } from './tokens.js';
import type { Token } from './tokens.js';
import { Unsupported } from './unsupported.js';

export type Node =
  | { kind: 'number'; value: Decimal }
  | { kind: 'text'; value: string }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'null' }
  | { kind: 'name'; name: string }
  | { kind: 'call'; name: string; args: Node[] }
  | { kind: 'minus' | 'not'; of: Node }
  | { kind: 'binary'; sign: string; left: Node; right: Node };

const MAX_DEPTH = 100;
const MAX_CHAIN = 500;
const MAX_DIGITS = 1_000;

/** From the loosest to the tightest. On the platform, `^` is looser than `*`: 2*3^2 is 36. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['=', '==', '<>', '!='],
  ['<', '>', '<=', '>='],
  ['+', '-', '&'],
  ['^'],
  ['*', '/'],
];

const WORDS: Record<string, Node> = {
  true: { kind: 'boolean', value: true },
  false: { kind: 'boolean', value: false },
  null: { kind: 'null' },
};

/** A power of two literals, which the platform calculates when a rule is saved. */
export const isLiteralPower = (node: Node): boolean =>
  node.kind === 'binary' && node.sign === '^' && node.left.kind === 'number' && node.right.kind === 'number';

/** @throws Unsupported */
export function parseFormula(formula: string): Node {
  const parser = new Parser(tokensOf(formula));
  const tree = parser.level(0);
  parser.end();
  return tree;
}

function literal(text: string): Node {
  const value = text.length > MAX_DIGITS ? undefined : decimalOf(text);
  if (value === undefined) throw new Unsupported(`it has a number of more than ${MAX_DIGITS} digits`);
  return { kind: 'number', value };
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  end(): void {
    if (this.#next.kind !== 'end') throw this.#unexpected();
  }

  /** An expression whose operators are at least as tight as this level. */
  level(level: number): Node {
    const signs = LEVELS[level];
    if (signs === undefined) return this.#operand();
    let left = this.level(level + 1);
    for (let length = 1; this.#next.kind === 'sign' && signs.includes(this.#next.value); length++) {
      if (length > MAX_CHAIN) throw new Unsupported(`it chains more than ${MAX_CHAIN} operators`);
      const sign = this.#take().value;
      left = { kind: 'binary', sign, left, right: this.level(level + 1) };
    }
    return left;
  }

  #operand(): Node {
    if (++this.#depth > MAX_DEPTH) throw new Unsupported(`it is nested more than ${MAX_DEPTH} levels`);
    try {
      return this.#readOperand();
    } finally {
      this.#depth--;
    }
  }

  #readOperand(): Node {
    const token = this.#next;
    if (token.kind === 'sign') {
      if (token.value === '(') {
        this.#take();
        const inner = this.level(0);
        this.#expect(')');
        return inner;
      }
      if (token.value === '!' || token.value === '-' || token.value === '+') {
        this.#take();
        const of = this.#operand();
        return token.value === '+' ? of : { kind: token.value === '!' ? 'not' : 'minus', of };
      }
      throw this.#unexpected();
    }
    if (token.kind === 'end') throw new Unsupported('it ends too early');
    this.#take();
    if (token.kind === 'number') return literal(token.value);
    if (token.kind === 'text') return { kind: 'text', value: token.value };
    if (this.#next.value === '(' && this.#next.kind === 'sign') return this.#call(token.value);
    if (token.value.toLowerCase() === 'not') return { kind: 'not', of: this.#operand() };
    return WORDS[token.value.toLowerCase()] ?? { kind: 'name', name: token.value };
  }

  #call(name: string): Node {
    this.#expect('(');
    const args: Node[] = [];
    if (!this.#skip(')')) {
      do args.push(this.level(0));
      while (this.#skip(','));
      this.#expect(')');
    }
    return { kind: 'call', name: name.toUpperCase(), args };
  }

  get #next(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #take(): Token {
    const token = this.#next;
    this.#at++;
    return token;
  }

  #skip(sign: string): boolean {
    const is = this.#next.kind === 'sign' && this.#next.value === sign;
    if (is) this.#at++;
    return is;
  }

  #expect(sign: string): void {
    if (!this.#skip(sign)) throw this.#unexpected();
  }

  #unexpected(): Unsupported {
    const { kind, value, at } = this.#next;
    return new Unsupported(
      kind === 'end' ? 'it ends too early' : `unexpected ${JSON.stringify(value)} at position ${at + 1}`,
    );
  }
}

/** Splits a formula into tokens. */
import { Unsupported } from './unsupported.js';

export interface Token {
  kind: 'number' | 'text' | 'name' | 'sign' | 'end';
  /** Of a text: its content. */
  value: string;
  /** Offset in the formula. */
  at: number;
}

const MAX_TOKENS = 5_000;

const BLANK = /\s+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)/y;
/** With the dots of `Account.Name` and `$Setup.Bypass__c.Rules__c`. */
const NAME = /[$A-Za-z_][\w$]*(?:\.[\w$]+)*/y;
/** Longer ones first. */
const SIGNS = [
  '&&',
  '||',
  '<>',
  '!=',
  '==',
  '<=',
  '>=',
  '(',
  ')',
  ',',
  '+',
  '-',
  '*',
  '/',
  '^',
  '&',
  '!',
  '=',
  '<',
  '>',
];

/** @throws Unsupported */
export function tokensOf(formula: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < formula.length;) {
    const blank = matchAt(BLANK, formula, at);
    if (blank !== '') at += blank.length;
    else if (formula.startsWith('/*', at)) at = afterComment(formula, at);
    else {
      const { token, end } = tokenAt(formula, at);
      tokens.push(token);
      if (tokens.length > MAX_TOKENS) throw new Unsupported(`it has more than ${MAX_TOKENS} words and signs`);
      at = end;
    }
  }
  return [...tokens, { kind: 'end', value: '', at: formula.length }];
}

function tokenAt(formula: string, at: number): { token: Token; end: number } {
  const first = formula.charAt(at);
  if (first === '"' || first === "'") return textAt(formula, at, first);
  for (const [kind, pattern] of [
    ['number', NUMBER],
    ['name', NAME],
  ] as const) {
    const value = matchAt(pattern, formula, at);
    if (value !== '') return { token: { kind, value, at }, end: at + value.length };
  }
  const sign = SIGNS.find((one) => formula.startsWith(one, at));
  if (sign === undefined) throw new Unsupported(`unexpected ${JSON.stringify(first)} at position ${at + 1}`);
  return { token: { kind: 'sign', value: sign, at }, end: at + sign.length };
}

function textAt(formula: string, start: number, quote: string): { token: Token; end: number } {
  let value = '';
  for (let at = start + 1; at < formula.length; at++) {
    const one = formula.charAt(at);
    if (one === quote) return { token: { kind: 'text', value, at: start }, end: at + 1 };
    if (one === '\\') {
      at++;
      const escaped = formula.charAt(at);
      // Only these two lose their backslash; \n stays two characters, and a pattern makes a line break of them.
      value += escaped === '\\' || escaped === '"' ? escaped : one + escaped;
    } else value += one;
  }
  throw new Unsupported(`the text at position ${start + 1} has no closing quote`);
}

function afterComment(formula: string, at: number): number {
  const end = formula.indexOf('*/', at + 2);
  if (end === -1) throw new Unsupported(`the comment at position ${at + 1} has no end`);
  return end + 2;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** Functions about texts. */
import { Decimal } from './decimals.js';
import { aboutPart, ofTexts, takes } from './function-kinds.js';
import type { FormulaFunction } from './function-kinds.js';
import { Pattern } from './pattern.js';
import { Unsupported } from './unsupported.js';
import { MAX_TEXT } from './values.js';

const whole = (value: Decimal | null): number => Math.max(0, value?.trunc().toNumber() ?? 0);

const ONE = new Decimal(1);

const slice = (work: (text: string, n: number) => string): FormulaFunction =>
  takes(2, 2, (compiler, [of, count]) => {
    const [text, n] = [compiler.text(of), compiler.number(count)];
    return { type: 'text', run: (env) => work(text(env), whole(n(env))) };
  });

const mid = takes(3, 3, (compiler, [of, from, count]) => {
  const [text, start, n] = [compiler.text(of), compiler.number(from), compiler.number(count)];
  return {
    type: 'text',
    run(env) {
      const [first, count] = [start(env), n(env)];
      if (first === null || count === null) return '';
      const at = Math.max(1, whole(first)) - 1;
      return text(env).slice(at, at + whole(count));
    },
  };
});

const length = takes(1, 1, (compiler, [of]) => {
  const text = compiler.text(of);
  return { type: 'number', run: (env) => new Decimal(text(env).length) };
});

/** From 1; 0 if it is not there. */
const find = takes(2, 3, (compiler, [wanted, of, from]) => {
  const [part, text] = [compiler.text(wanted), compiler.text(of)];
  const start = from === undefined ? () => ONE : compiler.number(from);
  return {
    type: 'number',
    run(env) {
      const searched = part(env);
      const at = searched === '' ? -1 : text(env).indexOf(searched, Math.max(1, whole(start(env))) - 1);
      return new Decimal(at + 1);
    },
  };
});

/** The whole text must match. The pattern must be a literal, so that it is known before any row comes. */
const regex = takes(2, 2, (compiler, [of, pattern]) => {
  if (pattern?.kind !== 'text') throw new Unsupported('REGEX has a pattern that is not a literal');
  const text = compiler.text(of);
  const compiled = new Pattern(pattern.value);
  return { type: 'boolean', run: (env) => compiled.matches(text(env)) ?? false };
});

const pad = (atStart: boolean): FormulaFunction =>
  takes(2, 3, (compiler, [of, count, filler]) => {
    const [text, n] = [compiler.text(of), compiler.number(count)];
    const fill = filler === undefined ? () => ' ' : compiler.text(filler);
    return {
      type: 'text',
      run(env) {
        const size = Math.min(MAX_TEXT, whole(n(env)));
        const given = text(env).slice(0, size);
        if (given === '') return '';
        return atStart ? given.padStart(size, fill(env)) : given.padEnd(size, fill(env));
      },
    };
  });

/** Spaces only; a tab stays. */
function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && text.charAt(start) === ' ') start++;
  while (end > start && text.charAt(end - 1) === ' ') end--;
  return text.slice(start, end);
}

function substituted(text: string, old: string, by: string): string {
  if (old === '' || !text.includes(old)) return text;
  const parts = text.split(old);
  return text.length + (parts.length - 1) * by.length > MAX_TEXT ? text : parts.join(by);
}

export const textFunctions: Record<string, FormulaFunction> = {
  LEN: length,
  LEFT: slice((text, n) => text.slice(0, n)),
  RIGHT: slice((text, n) => (n === 0 ? '' : text.slice(-n))),
  MID: mid,
  CONTAINS: aboutPart((text, part) => text.includes(part)),
  BEGINS: aboutPart((text, start) => text.startsWith(start)),
  FIND: find,
  REGEX: regex,
  SUBSTITUTE: ofTexts(3, substituted),
  TRIM: ofTexts(1, trimmed),
  UPPER: ofTexts(1, (text) => text.toUpperCase()),
  LOWER: ofTexts(1, (text) => text.toLowerCase()),
  LPAD: pad(true),
  RPAD: pad(false),
};

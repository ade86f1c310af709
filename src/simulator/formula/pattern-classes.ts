/** Characters of a pattern: literals, escapes and classes in brackets. */
import { Unsupported } from './unsupported.js';

export type CharacterTest = (code: number) => boolean;

const between =
  (from: number, to: number): CharacterTest =>
  (code) =>
    code >= from && code <= to;
const either =
  (...tests: CharacterTest[]): CharacterTest =>
  (code) =>
    tests.some((test) => test(code));
const not =
  (test: CharacterTest): CharacterTest =>
  (code) =>
    !test(code);

const digit = between(48, 57);
const upper = between(65, 90);
const lower = between(97, 122);
const word = either(digit, upper, lower, (code) => code === 95);
const space: CharacterTest = (code) => code === 32 || (code >= 9 && code <= 13);
const unicode =
  (pattern: RegExp): CharacterTest =>
  (code) =>
    pattern.test(String.fromCharCode(code));

const SHORT: Record<string, CharacterTest> = {
  d: digit,
  D: not(digit),
  w: word,
  W: not(word),
  s: space,
  S: not(space),
};

const NAMED: Record<string, CharacterTest> = {
  Alpha: either(upper, lower),
  Digit: digit,
  Alnum: either(digit, upper, lower),
  Upper: upper,
  Lower: lower,
  Space: space,
  Punct: either(between(33, 47), between(58, 64), between(91, 96), between(123, 126)),
  ASCII: between(0, 127),
  XDigit: either(digit, between(65, 70), between(97, 102)),
  L: unicode(/\p{L}/u),
  Lu: unicode(/\p{Lu}/u),
  Ll: unicode(/\p{Ll}/u),
  N: unicode(/\p{N}/u),
  Nd: unicode(/\p{Nd}/u),
  P: unicode(/\p{P}/u),
};

const CONTROL: Record<string, number> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27 };

/** One character, in both cases if case is ignored, as Java does for ASCII. */
export function literal(code: number, ignoresCase: boolean): CharacterTest {
  const swapped = upper(code) ? code + 32 : lower(code) ? code - 32 : code;
  return ignoresCase ? (one) => one === code || one === swapped : (one) => one === code;
}

type Found = { test: CharacterTest; end: number; code?: number };

/** What follows a backslash. @param at after it */
export function escapedClass(source: string, at: number, ignoresCase: boolean): Found {
  const one = source.charAt(at);
  const short = Object.hasOwn(SHORT, one) ? SHORT[one] : undefined;
  if (short !== undefined) return { test: short, end: at + 1 };
  if (one === 'p' || one === 'P') {
    const name = /^\{(?:Is)?([A-Za-z]{1,10})\}/.exec(source.slice(at + 1, at + 16));
    const test = name?.[1] !== undefined && Object.hasOwn(NAMED, name[1]) ? NAMED[name[1]] : undefined;
    if (name === null || test === undefined) throw cannot(source, `\\${source.slice(at, at + 8)}`);
    return { test: one === 'p' ? test : not(test), end: at + 1 + name[0].length };
  }
  if (one === 'u' || one === 'x') {
    const hex = (one === 'u' ? /^[0-9A-Fa-f]{4}/ : /^[0-9A-Fa-f]{2}/).exec(source.slice(at + 1, at + 5))?.[0];
    if (hex === undefined) throw cannot(source, `\\${one} without its number`);
    return character(parseInt(hex, 16), at + 1 + hex.length, ignoresCase);
  }
  const control = Object.hasOwn(CONTROL, one) ? CONTROL[one] : undefined;
  if (control !== undefined) return character(control, at + 1, ignoresCase);
  // Boundaries, back references, quotations.
  if (one === '' || /[A-Za-z0-9]/.test(one)) throw cannot(source, `\\${one}`);
  return character(one.charCodeAt(0), at + 1, ignoresCase);
}

const character = (code: number, end: number, ignoresCase: boolean): Found => ({
  test: literal(code, ignoresCase),
  end,
  code,
});

/** A class in brackets. @param start after the opening one */
export function classOf(source: string, start: number, ignoresCase: boolean): Found {
  const negated = source.charAt(start) === '^';
  const first = negated ? start + 1 : start;
  const tests: CharacterTest[] = [];
  let at = first;
  while (source.charAt(at) !== ']' || at === first) {
    if (at >= source.length) throw cannot(source, 'a class without its end');
    if (source.charAt(at) === '[' || source.startsWith('&&', at)) throw cannot(source, 'classes in classes');
    const one = memberAt(source, at, ignoresCase);
    at = one.end;
    const isRange = one.code !== undefined && source.charAt(at) === '-' && !['', ']'].includes(source.charAt(at + 1));
    if (!isRange) {
      tests.push(one.test);
      continue;
    }
    const last = memberAt(source, at + 1, ignoresCase);
    if (last.code === undefined || last.code < (one.code as number)) throw cannot(source, 'a range that is reversed');
    tests.push(range(one.code as number, last.code, ignoresCase));
    at = last.end;
  }
  const test = either(...tests);
  return { test: negated ? not(test) : test, end: at + 1 };
}

function memberAt(source: string, at: number, ignoresCase: boolean): Found {
  if (source.charAt(at) === '\\') return escapedClass(source, at + 1, ignoresCase);
  return character(source.charCodeAt(at), at + 1, ignoresCase);
}

function range(from: number, to: number, ignoresCase: boolean): CharacterTest {
  const test = between(from, to);
  if (!ignoresCase) return test;
  return (code) => test(code) || (upper(code) && test(code + 32)) || (lower(code) && test(code - 32));
}

function cannot(source: string, what: string): Unsupported {
  return new Unsupported(`the pattern ${JSON.stringify(source.slice(0, 100))} uses ${what}`);
}

/**
 * Regular expressions as Java and Salesforce's REGEX write them, without what takes more than linear time: no
 * lookaround, no back references. A pattern matches a whole text. All places are followed at once (Thompson), so that
 * no text takes longer than its length times the length of the pattern.
 */
import { classOf, escapedClass, literal } from './pattern-classes.js';
import type { CharacterTest } from './pattern-classes.js';
import { Unsupported } from './unsupported.js';

const MAX_LENGTH = 1_000;
const MAX_STATES = 5_000;
const MAX_DEPTH = 50;
/** States times characters. */
const MAX_WORK = 5_000_000;

type State =
  | { kind: 'one'; test: CharacterTest; next: number }
  | { kind: 'split'; next: number; other: number }
  | { kind: 'start' | 'end'; next: number }
  | { kind: 'match' };

/** Part of a pattern: adds its states in front of those that follow, and returns the first. */
type Part = (add: (state: State) => number, next: number) => number;

export class Pattern {
  readonly #states: State[] = [];
  readonly #first: number;

  /** @throws Unsupported */
  constructor(source: string) {
    if (source.length > MAX_LENGTH) throw new Unsupported(`a pattern is longer than ${MAX_LENGTH} characters`);
    const part = new PatternParser(source).parse();
    const add = (state: State): number => {
      if (this.#states.length >= MAX_STATES) throw new Unsupported('a pattern repeats too much');
      return this.#states.push(state) - 1;
    };
    this.#first = part(add, add({ kind: 'match' }));
  }

  /** Undefined if the text is too long for the pattern. */
  matches(text: string): boolean | undefined {
    const states = this.#states;
    if (states.length * text.length > MAX_WORK) return undefined;
    const seen = new Int32Array(states.length).fill(-1);
    let current: number[] = [];
    // The last set that was filled may be followed further at the end of the text.
    const follow = (state: number, at: number, into: number[]): boolean => {
      const open = [state];
      let matched = false;
      for (let n = open.pop(); n !== undefined; n = open.pop()) {
        if (seen[n] === at) continue;
        seen[n] = at;
        const one = states[n] as State;
        if (one.kind === 'one') into.push(n);
        else if (one.kind === 'match') matched ||= at === text.length;
        else if (one.kind === 'split') open.push(one.other, one.next);
        else if (one.kind === 'start' ? at === 0 : at === text.length) open.push(one.next);
      }
      return matched;
    };
    let matched = follow(this.#first, 0, current);
    for (let at = 0; at < text.length && current.length > 0; at++) {
      const code = text.charCodeAt(at);
      const next: number[] = [];
      matched = false;
      for (const n of current) {
        const one = states[n] as State & { kind: 'one' };
        if (one.test(code)) matched = follow(one.next, at + 1, next) || matched;
      }
      current = next;
      if (current.length === 0 && at + 1 < text.length) return false;
    }
    return matched;
  }
}

const NOTHING: Part = (_add, next) => next;
const anyOf =
  (test: CharacterTest): Part =>
  (add, next) =>
    add({ kind: 'one', test, next });

class PatternParser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #ignoresCase = false;

  constructor(source: string) {
    this.#source = source;
    if (source.startsWith('(?i)')) {
      this.#ignoresCase = true;
      this.#at = 4;
    }
  }

  parse(): Part {
    const part = this.#alternatives();
    if (this.#at < this.#source.length) throw this.#cannot(`"${this.#source.charAt(this.#at)}" without its opening`);
    return part;
  }

  #alternatives(): Part {
    if (++this.#depth > MAX_DEPTH) throw this.#cannot(`more than ${MAX_DEPTH} groups in each other`);
    const parts = [this.#sequence()];
    while (this.#skip('|')) parts.push(this.#sequence());
    this.#depth--;
    return parts.reduceRight((rest, part) => (add, next) => {
      return add({ kind: 'split', next: part(add, next), other: rest(add, next) });
    });
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#peek)) parts.push(this.#repeated(this.#atom()));
    return (add, next) => parts.reduceRight((following, part) => part(add, following), next);
  }

  #repeated(part: Part): Part {
    const times = this.#times();
    if (times === undefined) return part;
    // A lazy quantifier matches the same whole texts; a possessive one does not.
    if (this.#skip('+')) throw this.#cannot('possessive quantifiers');
    this.#skip('?');
    if (this.#at < this.#source.length && '*+?'.includes(this.#peek)) throw this.#cannot('a quantifier after another');
    return repeat(part, times);
  }

  #times(): { min: number; max: number } | undefined {
    if (this.#skip('*')) return { min: 0, max: Infinity };
    if (this.#skip('+')) return { min: 1, max: Infinity };
    if (this.#skip('?')) return { min: 0, max: 1 };
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (found === null) return undefined;
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? Infinity : Number(found[3]);
    if (max < min) throw this.#cannot(`{${min},${max}}`);
    return { min, max };
  }

  #atom(): Part {
    const one = this.#take();
    switch (one) {
      case '(':
        return this.#group();
      case '[': {
        const { test, end } = classOf(this.#source, this.#at, this.#ignoresCase);
        this.#at = end;
        return anyOf(test);
      }
      case '.':
        return anyOf((code) => ![10, 13, 0x85, 0x2028, 0x2029].includes(code));
      case '^':
        return (add, next) => add({ kind: 'start', next });
      case '$':
        return (add, next) => add({ kind: 'end', next });
      case '\\': {
        const { test, end } = escapedClass(this.#source, this.#at, this.#ignoresCase);
        this.#at = end;
        return anyOf(test);
      }
      case '*':
      case '+':
      case '?':
      case '{':
        throw this.#cannot(`"${one}" after nothing`);
      default:
        return anyOf(literal(one.charCodeAt(0), this.#ignoresCase));
    }
  }

  #group(): Part {
    if (this.#skip('?') && !this.#skip(':')) throw this.#cannot(`(?${this.#peek}`);
    const inner = this.#skip(')') ? undefined : this.#alternatives();
    if (inner === undefined) return NOTHING;
    if (!this.#skip(')')) throw this.#cannot('a group without its end');
    return inner;
  }

  get #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #take(): string {
    return this.#source.charAt(this.#at++);
  }

  #skip(one: string): boolean {
    const is = this.#peek === one;
    if (is) this.#at++;
    return is;
  }

  #cannot(what: string): Unsupported {
    return new Unsupported(`the pattern ${JSON.stringify(this.#source.slice(0, 100))} uses ${what}`);
  }
}

function repeat(part: Part, { min, max }: { min: number; max: number }): Part {
  return (add, next) => {
    let first = next;
    if (max === Infinity) {
      // The loop's end is known before its beginning.
      const loop: State & { kind: 'split' } = { kind: 'split', next: 0, other: next };
      first = add(loop);
      loop.next = part(add, first);
    } else {
      for (let n = min; n < max; n++) first = add({ kind: 'split', next: part(add, first), other: next });
    }
    for (let n = 0; n < min; n++) first = part(add, first);
    return first;
  };
}

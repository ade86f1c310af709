/**
 * Applies fix rules to a row that the platform refused. Nothing is changed without a rule, the column by which rows are
 * told apart never, and every change is told. Pure.
 */
import type { RowFix } from '../contract.js';
import type { ObjectDescribe } from '../salesforce/describe.js';
import { ruleText } from './fix-rules.js';
import { withLineBreaks } from './line-breaks.js';
import { classify } from './row-errors.js';
import type { RowError } from './row-errors.js';

/** The rows that rules are applied to. */
export interface FixTarget {
  /** Columns as they are sent. */
  names: readonly string[];
  /** The column by which rows are told apart: with another key it would be another record. */
  key?: string | undefined;
  /** Most characters of columns, where describe tells. */
  lengths?: Readonly<Record<string, number>> | undefined;
  lineEnding: 'LF' | 'CRLF';
}

export interface CellChange {
  column: string;
  before: string;
  after: string;
  /** From 1. */
  rule: number;
}

/** `noHelp`: there are rules for the error, and none of them changes anything. The row is not to be sent again. */
export type FixOutcome =
  { kind: 'fixed'; cells: string[]; changes: CellChange[] } | { kind: 'noRule' } | { kind: 'noHelp' };

export const CHANGES_HEADER: readonly string[] = ['key', 'column', 'before', 'after', 'rule'];

/** What clears a field: an empty cell leaves it as it is on update, and sets its default on insert. */
const CLEARED = '#N/A';

interface NumberedRule {
  number: number;
  fix: RowFix;
}

export class RowFixer {
  readonly #fixes: readonly RowFix[];
  readonly #target: FixTarget;
  readonly #byCode = new Map<string, NumberedRule[]>();
  /** Places of columns by what an error may call them, the surest way first. Errors name fields that nobody has seen before. */
  readonly #columns: readonly ReadonlyMap<string, readonly number[]>[];
  readonly #key: number;

  /** @param fixes as `validateFixes` takes them */
  constructor(fixes: readonly RowFix[], target: FixTarget) {
    this.#fixes = fixes;
    this.#target = target;
    const key = target.key?.toLowerCase();
    this.#key = target.names.findIndex((name) => name.toLowerCase() === key);
    const names = target.names.map((name) => name.toLowerCase());
    const ways = [(name: string) => name, bare, (name: string) => lookupOf(bare(name))];
    this.#columns = ways.map((way) => placesBy(names, way));
    fixes.forEach((fix, i) => {
      const rules = this.#byCode.get(fix.code);
      if (rules === undefined) this.#byCode.set(fix.code, [{ number: i + 1, fix }]);
      else rules.push({ number: i + 1, fix });
    });
  }

  /** Of several rules for one column, the first that changes it counts. */
  fix(error: RowError, cells: readonly string[]): FixOutcome {
    const rules = (this.#byCode.get(error.code ?? '') ?? []).filter(({ fix }) => mayMend(fix, error));
    if (rules.length === 0) return { kind: 'noRule' };
    const named = [...new Set(error.fields.flatMap((field) => this.#columnsOf(field)))];
    const fixed = [...cells];
    const changes: CellChange[] = [];
    const changed = new Set<number>();
    let applies = false;
    for (const { number, fix } of rules) {
      for (const at of this.#columnsFor(fix, named)) {
        if (at === this.#key) continue;
        applies = true;
        const before = cells[at] ?? '';
        const after = changed.has(at) ? undefined : this.#changed(fix, before, at, error, named);
        if (after === undefined || after === before) continue;
        changed.add(at);
        fixed[at] = after;
        changes.push({ column: this.#target.names[at] as string, before, after, rule: number });
      }
    }
    if (changes.length > 0) return { kind: 'fixed', cells: fixed, changes };
    return { kind: applies ? 'noHelp' : 'noRule' };
  }

  /**
   * Lines of changes.csv.
   * @param row as it was before: its key names it, else its id
   */
  changeRows(row: { id: string; cells: readonly string[] }, changes: readonly CellChange[]): string[][] {
    const key = row.cells[this.#key] ?? '';
    const name = key === '' || key === CLEARED ? row.id : key;
    return changes.map(({ column, before, after, rule }) => [
      name,
      column,
      before,
      after,
      ruleText(rule, this.#fixes[rule - 1] as RowFix),
    ]);
  }

  /** A rule for one field leaves rows alone whose error is about another column. */
  #columnsFor({ field }: RowFix, named: readonly number[]): readonly number[] {
    if (field == null) return named;
    const own = this.#columnsOf(field);
    return named.length === 0 ? own : own.filter((at) => named.includes(at));
  }

  /** Columns that fill a field: of its name, else without the object in front, else by a key of the parent. */
  #columnsOf(field: string): readonly number[] {
    const wanted = field.toLowerCase();
    for (const columns of this.#columns) {
      const found = columns.get(wanted);
      if (found !== undefined) return found;
    }
    return [];
  }

  /** Undefined when the rule has nothing to say about the value. */
  #changed(fix: RowFix, cell: string, at: number, error: RowError, named: readonly number[]): string | undefined {
    if (cell === '' || cell === CLEARED) {
      const value = fix.do === 'replace' ? valueOf(fix, cell) : undefined;
      return value === '' ? undefined : value;
    }
    switch (fix.do) {
      case 'blank':
        return CLEARED;
      case 'replace': {
        const value = valueOf(fix, cell);
        return value === '' ? CLEARED : value;
      }
      case 'truncate': {
        const text = asSent(cell, this.#target.lineEnding);
        const most = this.#lengths(at, cell, error, named).find((length) => length < text.length);
        const cut = most === undefined ? '' : cutTo(text, most);
        return cut === '' ? undefined : cut;
      }
    }
  }

  /** The length that describe gives, then the one in the message, if that is about this column. */
  #lengths(at: number, cell: string, { message }: RowError, named: readonly number[]): number[] {
    const { lengths = {}, names } = this.#target;
    const name = names[at] as string;
    const described = Object.hasOwn(lengths, name) ? [lengths[name] as number].filter((length) => length > 0) : [];
    const told = toldLength(message);
    if (told === undefined) return described;
    // A message without a field is about the cell that it quotes.
    const isAbout = named.length === 1 ? named[0] === at : told.value !== '' && cell.startsWith(told.value);
    return isAbout ? [...described, told.length] : described;
  }
}

/** Of `Name: data value too large: Acme (max length=3)`. What is quoted may look like the end of it: the last one counts. */
function toldLength(message: string): { value: string; length: number } | undefined {
  const end = message.lastIndexOf('(max length=');
  const length = Number(/^\(max length=(\d{1,9})\)/.exec(message.slice(end))?.[1] ?? 0);
  if (end === -1 || length === 0) return undefined;
  const intro = 'data value too large: ';
  const start = message.indexOf(intro);
  const value = start === -1 ? '' : message.slice(start + intro.length, end).trimEnd();
  return { value: value.replace(/(?:…|\.\.\.)$/, ''), length };
}

/** For a plan: most characters of the columns that are sent, where describe tells. */
export function lengthsOf(names: readonly string[], describe: ObjectDescribe | undefined): Record<string, number> {
  const fields = new Map(describe?.fields.map(({ name, length }) => [name.toLowerCase(), length]));
  return Object.fromEntries(
    names.flatMap((name): [string, number][] => {
      const length = fields.get(name.toLowerCase()) ?? 0;
      return length > 0 ? [[name, length]] : [];
    }),
  );
}

/**
 * A lock, a timeout or a full org says nothing about the values, even where a trigger's error wraps it. A record that is
 * not there yet may come: then only a value that a table names is changed.
 */
function mayMend(fix: RowFix, error: RowError): boolean {
  const rowClass = classify(error);
  if (rowClass === 'order-dependent') return fix.do === 'replace';
  return rowClass !== 'transient' && rowClass !== 'stop' && rowClass !== 'already-done';
}

function placesBy(names: readonly string[], way: (name: string) => string | undefined): Map<string, number[]> {
  const places = new Map<string, number[]>();
  names.forEach((name, at) => {
    const called = way(name);
    if (called === undefined) return;
    const same = places.get(called);
    if (same === undefined) places.set(called, [at]);
    else same.push(at);
  });
  return places;
}

/** `Who.Email` of `Lead:Who.Email`. */
function bare(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** The lookup field behind a parent's key, in small letters: `accountid`, `parent__c`. */
function lookupOf(name: string): string | undefined {
  const dot = name.indexOf('.');
  if (dot === -1) return undefined;
  const relationship = name.slice(0, dot);
  return relationship.endsWith('__r') ? `${relationship.slice(0, -1)}c` : `${relationship}id`;
}

function valueOf({ values }: RowFix, cell: string): string | undefined {
  return values != null && Object.hasOwn(values, cell) ? values[cell] : undefined;
}

/** Line breaks are written as the job's, and count as many characters. */
function asSent(cell: string, lineEnding: 'LF' | 'CRLF'): string {
  return withLineBreaks(cell, lineEnding === 'CRLF' ? '\r\n' : '\n');
}

/** The platform counts UTF-16 code units; half of a character, or of a line break, is none. */
function cutTo(text: string, length: number): string {
  const cut = text.slice(0, length);
  const last = cut.charCodeAt(length - 1);
  const isHalf = (last >= 0xd800 && last < 0xdc00) || (cut.endsWith('\r') && text[length] === '\n');
  return isHalf ? cut.slice(0, -1) : cut;
}

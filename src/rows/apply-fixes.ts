/**
 * Applies fix rules to a row that the platform refused. Nothing changes without a rule, the key column never changes,
 * and every change is reported. Pure.
 */
import type { RowFix } from '../contract/corrections.js';
import { ruleText } from '../domain/input/fix-rules.js';
import { withLineBreaks } from '../csv/line-breaks.js';
import { classify } from '../domain/platform/row-errors.js';
import type { RowError } from '../domain/platform/row-errors.js';

/** The rows that rules are applied to. */
export interface FixTarget {
  /** Columns as sent. */
  names: readonly string[];
  /** The column that identifies rows: with another key it would be another record. */
  key?: string | undefined;
  /** Maximum length of columns in characters, where describe reports it. */
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

/** `noHelp`: there are rules for the error, but none of them changes anything. The row must not be sent again. */
export type FixOutcome =
  { kind: 'fixed'; cells: string[]; changes: CellChange[] } | { kind: 'noRule' } | { kind: 'noHelp' };

export const CHANGES_HEADER: readonly string[] = ['key', 'column', 'before', 'after', 'rule'];

/** Clears a field: an empty cell leaves it unchanged on update, and sets its default on insert. */
const CLEARED = '#N/A';

/** A cell of a refused row. */
interface RefusedCell {
  /** Its column. */
  at: number;
  text: string;
  error: RowError;
  /** Columns that the error names. */
  named: readonly number[];
}

interface NumberedRule {
  number: number;
  fix: RowFix;
}

export class RowFixer {
  readonly #fixes: readonly RowFix[];
  readonly #target: FixTarget;
  readonly #byCode = new Map<string, NumberedRule[]>();
  /**
   * Positions of columns by the names that an error may use, most specific first. Errors may contain any field name.
   */
  readonly #columns: readonly ReadonlyMap<string, readonly number[]>[];
  readonly #key: number;

  /** @param fixes as accepted by `validateFixes` */
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

  /** Of several rules for one column, the first that changes it applies. */
  fix(error: RowError, cells: readonly string[]): FixOutcome {
    const rules = (this.#byCode.get(error.code ?? '') ?? []).filter(({ fix }) => mayFix(fix, error));
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
        const after = changed.has(at) ? undefined : this.#changed(fix, { at, text: before, error, named });
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
   * @param row before the change: identified by its key, otherwise its id
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

  /** A rule for one field ignores rows whose error is about another column. */
  #columnsFor({ field }: RowFix, named: readonly number[]): readonly number[] {
    if (field == null) return named;
    const own = this.#columnsOf(field);
    return named.length === 0 ? own : own.filter((at) => named.includes(at));
  }

  /** Columns that fill a field: by its name, otherwise without the object prefix, otherwise by a key of the parent. */
  #columnsOf(field: string): readonly number[] {
    const wanted = field.toLowerCase();
    for (const columns of this.#columns) {
      const found = columns.get(wanted);
      if (found !== undefined) return found;
    }
    return [];
  }

  /** Undefined when the rule does not apply to the value. */
  #changed(fix: RowFix, refused: RefusedCell): string | undefined {
    const cell = refused.text;
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
        const most = this.#lengths(refused).find((length) => length < text.length);
        const cut = most === undefined ? '' : cutTo(text, most);
        return cut === '' ? undefined : cut;
      }
    }
  }

  /** The length from describe, then the one in the message if that is about this column. */
  #lengths({ at, text, error, named }: RefusedCell): number[] {
    const { lengths = {}, names } = this.#target;
    const name = names[at] as string;
    const described = Object.hasOwn(lengths, name) ? [lengths[name] as number].filter((length) => length > 0) : [];
    const told = toldLength(error.message);
    if (told === undefined) return described;
    // A message without a field is about the cell that it quotes.
    const isAbout = named.length === 1 ? named[0] === at : told.value !== '' && text.startsWith(told.value);
    return isAbout ? [...described, told.length] : described;
  }
}

/**
 * Parses `Name: data value too large: Acme (max length=3)`. The quoted value may look like the end of the message: the
 * last match counts.
 */
function toldLength(message: string): { value: string; length: number } | undefined {
  const end = message.lastIndexOf('(max length=');
  const length = Number(/^\(max length=(\d{1,9})\)/.exec(message.slice(end))?.[1] ?? 0);
  if (end === -1 || length === 0) return undefined;
  const intro = 'data value too large: ';
  const start = message.indexOf(intro);
  const value = start === -1 ? '' : message.slice(start + intro.length, end).trimEnd();
  return { value: value.replace(/(?:…|\.\.\.)$/, ''), length };
}

/**
 * A lock, a timeout or a full org says nothing about the values, even inside a trigger's error. A missing record may
 * still be created: then only a value in a table of replacements is changed.
 */
function mayFix(fix: RowFix, error: RowError): boolean {
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

/** The lookup field of a parent's key, in lower case: `accountid`, `parent__c`. */
function lookupOf(name: string): string | undefined {
  const dot = name.indexOf('.');
  if (dot === -1) return undefined;
  const relationship = name.slice(0, dot);
  return relationship.endsWith('__r') ? `${relationship.slice(0, -1)}c` : `${relationship}id`;
}

function valueOf({ values }: RowFix, cell: string): string | undefined {
  return values != null && Object.hasOwn(values, cell) ? values[cell] : undefined;
}

/** Line breaks are written, and counted, as in the job. */
function asSent(cell: string, lineEnding: 'LF' | 'CRLF'): string {
  return withLineBreaks(cell, lineEnding === 'CRLF' ? '\r\n' : '\n');
}

/** The platform counts UTF-16 code units; half a character, or half a line break, is not kept. */
function cutTo(text: string, length: number): string {
  const cut = text.slice(0, length);
  const last = cut.charCodeAt(length - 1);
  const isHalf = (last >= 0xd800 && last < 0xdc00) || (cut.endsWith('\r') && text[length] === '\n');
  return isHalf ? cut.slice(0, -1) : cut;
}

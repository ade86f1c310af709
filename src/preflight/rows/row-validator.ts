/**
 * The rules for a row: number of cells, required cells, size, and the values of each column. Compiled once per file;
 * after that a row takes one pass over its bytes, and a short text cell costs no more than finding its end.
 */
import type { Operation } from '../../contract/names.js';
import { MAX_FIELD_CHARACTERS, MAX_FIELDS, MAX_RECORD_CHARACTERS } from '../../domain/platform/record-limits.js';
import type { FieldDescribe } from '../../salesforce/resources/describe.js';
import { shorten, shortValue, textLength } from './shown-values.js';
import { typeCheck } from './value-checks.js';
import type { ValueCheck, ValueProblem } from './value-checks.js';
import { defined } from '../../domain/defined.js';

const QUOTE = 0x22;
const HASH = 0x23;
const LF = 0x0a;
const CR = 0x0d;
const NULL = Buffer.from('#N/A');

interface RowColumn {
  index: number;
  title: string;
  /** As sent: an API name, or `Relationship.Field`. */
  name: string;
  field?: FieldDescribe;
}

export interface RowKey {
  index: number;
  normalise: (cell: string) => string | undefined;
  name: string;
}

export interface RowRulesInput {
  delimiter: string;
  width: number;
  /** Cells of the file's own header, if these rows are a rewritten copy; otherwise `width`. */
  headerWidth?: number;
  columns: readonly RowColumn[];
  operation: Operation;
  key?: RowKey;
  blankAsNull: boolean;
}

/** The error in a row, and its column. */
export interface RowProblem extends ValueProblem {
  column?: RowColumn;
}

interface Rule {
  column: RowColumn;
  /** Values with one up to this many bytes need no check, unless they begin like `#N/A`. */
  passUpTo: number;
  /** For an empty cell, and for `#N/A`. */
  empty: ValueProblem | undefined;
  cleared: ValueProblem | undefined;
  check: ValueCheck;
}

export class RowRules {
  readonly #separator: number;
  readonly #width: number;
  readonly #headerWidth: number | undefined;
  readonly #keyIndex: number;
  readonly #key: RowKey | undefined;
  readonly #blankKey: RowProblem | undefined;
  readonly #tooManyFields: RowProblem | undefined;
  readonly #rules: (Rule | undefined)[];
  /** Key of the last checked row; undefined if it has none, or a wrong number of cells. */
  key: string | undefined;

  constructor(input: RowRulesInput) {
    const { columns, key, width } = input;
    this.#separator = input.delimiter.charCodeAt(0);
    this.#width = width;
    this.#headerWidth = input.headerWidth;
    this.#key = key;
    this.#keyIndex = key?.index ?? -1;
    this.#blankKey = blankKey(input);
    this.#rules = Array.from({ length: width }, () => undefined);
    columns.forEach((column, position) => (this.#rules[column.index] = compile(column, position, input)));
    if (columns.length > MAX_FIELDS) {
      const message = `the row has ${columns.length} fields; a record may have at most ${MAX_FIELDS}`;
      this.#tooManyFields = same('ROW_TOO_LARGE', message);
    }
  }

  /**
   * @param end of the record, line ending included
   * @param nul whether it may contain a NUL
   * @returns the first problem, in this order: a wrong number of cells, because then no cell can be assigned to a
   *   column; a blank key, because then no record can be changed; then cell by cell from the left
   */
  check(bytes: Buffer, start: number, end: number, nul: boolean): RowProblem | undefined {
    const rules = this.#rules;
    const separator = this.#separator;
    const keyIndex = this.#keyIndex;
    const large = end - start > MAX_RECORD_CHARACTERS;
    let limit = end;
    if (limit > start && bytes[limit - 1] === LF) limit--;
    if (limit > start && bytes[limit - 1] === CR) limit--;
    let problem = this.#tooManyFields;
    let characters = 0;
    let index = 0;
    let at = start;
    let key: string | undefined;
    for (; ; index++) {
      let cell = bytes;
      let from = at;
      let to = at;
      if (at < limit && bytes[at] === QUOTE) {
        let doubled = false;
        from = to = at + 1;
        for (;;) {
          while (to < limit && bytes[to] !== QUOTE) to++;
          if (to + 1 >= limit || bytes[to + 1] !== QUOTE) break;
          doubled = true;
          to += 2;
        }
        let next = to < limit ? to + 1 : limit;
        while (next < limit && bytes[next] !== separator) next++;
        if (doubled || next !== to + 1) {
          cell = unquoted(bytes, at, next);
          from = 0;
          to = cell.length;
        }
        at = next;
      } else {
        while (to < limit && bytes[to] !== separator) to++;
        at = to;
      }
      const rule = rules[index];
      if (rule !== undefined) {
        const size = to - from;
        if (size === 0 || size > rule.passUpTo || cell[from] === HASH) problem ??= look(rule, cell, from, to);
        if (large) characters += textLength(cell, from, to);
        if (nul && cell.subarray(from, to).includes(0)) problem ??= nulIn(rule.column);
      }
      if (index === keyIndex) key = cell.toString('utf8', from, to);
      if (at >= limit) break;
      at++;
    }
    this.key = undefined;
    if (++index !== this.#width) return ragged(index, this.#width, this.#headerWidth);
    if (key !== undefined) this.key = this.#key?.normalise(key);
    if (this.key === undefined && this.#blankKey !== undefined) return this.#blankKey;
    if (problem === undefined && characters > MAX_RECORD_CHARACTERS) {
      return same(
        'ROW_TOO_LARGE',
        `the row has ${characters} characters; a record may have at most ${MAX_RECORD_CHARACTERS}`,
      );
    }
    return problem;
  }
}

function look(rule: Rule, cell: Buffer, from: number, to: number): RowProblem | undefined {
  const { column } = rule;
  const size = to - from;
  let problem: ValueProblem | undefined;
  if (size === 0) problem = rule.empty;
  else if (size === NULL.length && cell[from] === HASH && NULL.equals(cell.subarray(from, to))) problem = rule.cleared;
  else problem = rule.check(cell, from, to);
  return problem && { ...problem, column };
}

/** For the rare cell with a doubled quote, or with text after its closing quote. */
function unquoted(bytes: Buffer, start: number, end: number): Buffer {
  if (end - start < 2) return bytes.subarray(start, end);
  const close = bytes[end - 1] === QUOTE ? end - 1 : end;
  const value = Buffer.allocUnsafe(close - start);
  let size = 0;
  for (let at = start + 1; at < close; at++) {
    value[size++] = bytes[at] as number;
    if (bytes[at] === QUOTE && at + 1 < close && bytes[at + 1] === QUOTE) at++;
  }
  return value.subarray(0, size);
}

/** A problem whose message does not contain the value. */
function same(code: string, message: string): ValueProblem {
  return { code, message, words: message };
}

const ragged = (cells: number, width: number, headerWidth: number | undefined): RowProblem =>
  same(
    'ROW_RAGGED',
    `${
      headerWidth === undefined
        ? `the row has ${cells} ${cells === 1 ? 'cell' : 'cells'}, the header has ${width}`
        : `the row has more or fewer cells than the header, which has ${headerWidth}`
    }; check for a missing or extra delimiter or quote`,
  );

const nulIn = (column: RowColumn): RowProblem => {
  const words = 'the cell contains a NUL character, which no field can store';
  return { code: 'CSV_NUL', message: `${shorten(column.title)}: ${words}`, words, column };
};

function compile(column: RowColumn, position: number, input: RowRulesInput): Rule {
  const { name, field } = column;
  // A lookup value has the type of the parent's field, and may be missing.
  if (field === undefined || name.includes('.')) {
    return { column, passUpTo: MAX_FIELD_CHARACTERS, empty: undefined, cleared: undefined, check: longest(column) };
  }
  const isKey = column.index === input.key?.index && input.operation !== 'insert';
  const missing = isKey ? {} : missingProblems(field, input);
  const byType = typeCheck(field, position);
  const check = withLength(field, longest(column), byType);
  const most = field.length > 0 ? Math.min(field.length, MAX_FIELD_CHARACTERS) : MAX_FIELD_CHARACTERS;
  return { column, passUpTo: byType === undefined ? most : 0, empty: missing.empty, cleared: missing.cleared, check };
}

/** The length is checked first: the platform also reports it first, and no other check gets an endless value. */
function withLength(field: FieldDescribe, tooLarge: ValueCheck, byType: ValueCheck | undefined): ValueCheck {
  const { length } = field;
  const label = shorten(field.label);
  // An id has its own check, and Base64 is longer than its decoded value.
  const isText = length > 0 && !['id', 'reference', 'base64'].includes(field.type);
  return (bytes, from, to) => {
    if (isText && to - from > length && textLength(bytes, from, to) > length) {
      const end = `(max length=${length})`;
      const message = `${label}: data value too large: ${shortValue(bytes, from, to)} ${end}`;
      return { code: 'STRING_TOO_LONG', message, words: `data value too large ${end}` };
    }
    return tooLarge(bytes, from, to) ?? byType?.(bytes, from, to);
  };
}

function longest({ title }: RowColumn): ValueCheck {
  const name = shorten(title);
  return (bytes, from, to) => {
    if (to - from <= MAX_FIELD_CHARACTERS) return undefined;
    const characters = textLength(bytes, from, to);
    if (characters <= MAX_FIELD_CHARACTERS) return undefined;
    const words = `the cell has ${characters} characters; a field may have at most ${MAX_FIELD_CHARACTERS}`;
    return { code: 'ROW_TOO_LARGE', message: `${name}: ${words}`, words };
  };
}

/** Problems of an empty cell and of `#N/A` in a required field. */
function missingProblems(
  field: FieldDescribe,
  { operation, blankAsNull }: RowRulesInput,
): { empty?: ValueProblem; cleared?: ValueProblem } {
  if (field.nillable || field.type === 'id' || operation === 'delete' || operation === 'hardDelete') return {};
  // A new record may get a default for a missing value; in an existing record, the value is cleared.
  const isNeeded = field.createable && !field.defaultedOnCreate && field.type !== 'boolean';
  // An upsert may create or update: only what would fail in both is a problem.
  if (operation !== 'update' && !isNeeded) return {};
  const problem = same('REQUIRED_FIELD_MISSING', `Required fields are missing: [${shorten(field.name)}]`);
  // Unless it is sent as null, an empty cell does not change an existing record.
  return operation === 'insert' || blankAsNull ? { empty: problem, cleared: problem } : { cleared: problem };
}

/** An upsert by `Id` without one creates a record; every other key is required. */
function blankKey({ operation, key, columns }: RowRulesInput): RowProblem | undefined {
  if (key === undefined || operation === 'insert') return undefined;
  const column = columns.find(({ index }) => index === key.index);
  if (operation !== 'upsert') {
    const message = `Id not specified in ${operation === 'update' ? 'an' : 'a'} ${operation} call`;
    return { ...same('MISSING_ARGUMENT', message), ...defined({ column }) };
  }
  if (key.name.toLowerCase() === 'id') return undefined;
  return { ...same('KEY_BLANK', `${shorten(key.name)} not specified`), ...defined({ column }) };
}

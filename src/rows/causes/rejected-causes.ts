/**
 * Groups rejected rows by cause: code, fields, message without values. Counts every row, keeps a few samples of each
 * cause, and counts how many rows a fix rule would change. Memory does not grow with rows: causes beyond a limit are
 * counted by code and field only.
 */
import type { Operation } from '../../contract/names.js';
import type { RejectedCause } from '../../contract/load-figures.js';
import { readCell, readCells } from '../../csv/cells.js';
import { classify, parseRowError } from '../../domain/platform/row-errors.js';
import type { RowError } from '../../domain/platform/row-errors.js';
import { plainText } from '../../domain/text/plain-text.js';
import { shownCode } from '../../domain/text/shown-code.js';
import { wholeText } from '../../domain/text/shown.js';
import { RowFixer } from '../apply-fixes.js';
import { cureFor, NEW_VALUE } from './cures.js';
import type { PlannedCure } from './cures.js';
import { messageTemplate } from './message-template.js';

/** Rejected files are written with commas, whatever the source has. */
const DELIMITER = ',';
/** `sf__Id`, `sf__Error`. */
const OWN_COLUMNS = 2;
const ERROR_COLUMN = 1;

const MAX_CAUSES = 1_000;
/** Messages of one code and field; further ones are counted together. */
const MAX_MESSAGES = 50;
const MAX_FIELDS = 3;
const MAX_SAMPLES = 3;
const MAX_CELLS = 6;
const MAX_CELL = 120;
const MAX_MESSAGE = 400;
/** Wrong values of a picklist that are counted, and that a rule lists. */
const MAX_VALUES = 50;
const MAX_RULE_VALUES = 20;
const MAX_VALUE = 255;
/** Equal errors are parsed once. */
const MAX_REMEMBERED = 2_000;
const MAX_REMEMBERED_LENGTH = 500;

const OTHER_MESSAGES = '(other messages)';
const OTHER_CODE = 'OTHER';

/** A cell of a row, cut. */
export interface SampleCell {
  column: string;
  text: string;
  /** Characters of the whole cell, if it was cut. */
  characters?: number;
}

export interface Sample {
  message: string;
  cells: SampleCell[];
}

/** With texts of rows, for the page alone. */
export interface SampledCause {
  cause: RejectedCause;
  samples: Sample[];
  /** Wrong values of a picklist, most frequent first. */
  values: { value: string; rows: number }[];
}

interface Group {
  code: string;
  fields: string[];
  message: string;
  rows: number;
  cure: PlannedCure;
  fixer?: RowFixer;
  /** Rows that the rule changes. */
  fixable: number;
  samples: Sample[];
  /** Of the first field, if the cure replaces values. */
  values?: Map<string, number>;
  column: number;
}

export interface CauseOptions {
  operation: Operation;
  /** The column that identifies rows. */
  key?: string | undefined;
}

export class RejectedCauses {
  readonly #options: CauseOptions;
  #names: string[] | undefined;
  readonly #groups = new Map<string, Group>();
  readonly #messages = new Map<string, number>();
  readonly #remembered = new Map<string, { group: Group; error: RowError }>();
  rows = 0;

  constructor(options: CauseOptions) {
    this.#options = options;
  }

  /** A record of the rejected file; the first one is its header. */
  add(record: Buffer): void {
    if (this.#names === undefined) {
      this.#names = readCells(record, DELIMITER).slice(OWN_COLUMNS);
      return;
    }
    this.rows++;
    const { group, error } = this.#groupOf(readCell(record, ERROR_COLUMN, DELIMITER));
    group.rows++;
    const isSample = group.samples.length < MAX_SAMPLES;
    if (!isSample && group.fixer === undefined && group.values === undefined) return;
    const cells = readCells(record, DELIMITER).slice(OWN_COLUMNS);
    if (isSample) group.samples.push(this.#sample(group, error, cells));
    if (group.values !== undefined) countValue(group.values, cells[group.column] ?? '');
    else if (group.fixer?.fix(error, cells).kind === 'fixed') group.fixable++;
  }

  /** @param most causes; the rows of further ones are `other` */
  finish(most: number): { causes: SampledCause[]; other: number } {
    const sorted = [...this.#groups.values()].sort((a, b) => b.rows - a.rows || (a.code < b.code ? -1 : 1));
    const causes = sorted.slice(0, most).map(finished);
    return { causes, other: this.rows - causes.reduce((sum, { cause }) => sum + cause.rows, 0) };
  }

  #groupOf(note: string): { group: Group; error: RowError } {
    const known = this.#remembered.get(note);
    if (known !== undefined) return known;
    const error = parseRowError(note);
    const found = { error, group: this.#groupFor(error) };
    if (note.length <= MAX_REMEMBERED_LENGTH && this.#remembered.size < MAX_REMEMBERED) {
      this.#remembered.set(note, found);
    }
    return found;
  }

  #groupFor(error: RowError): Group {
    // Text from others becomes a heading of the page: only what looks like a code.
    const code = own(shownCode(error.code) ?? OTHER_CODE);
    const fields = error.fields.slice(0, MAX_FIELDS).map((field) => own(plainText(wholeText(field, 100), 100)));
    // The cure depends on the class too: the same code may be a lock in a trigger's error.
    const kind = JSON.stringify([code, fields, classify(error)]);
    const message = own(messageTemplate(wholeText(error.message, 10_000)));
    const found = this.#groups.get(`${kind} ${message}`);
    if (found !== undefined) return found;
    const messages = this.#messages.get(kind) ?? 0;
    const isFull = messages >= MAX_MESSAGES || this.#groups.size >= MAX_CAUSES;
    if (!isFull) {
      this.#messages.set(kind, messages + 1);
      return this.#enter(`${kind} ${message}`, { code, fields, message }, error);
    }
    // Codes may be invented too: beyond the limit of causes, all further ones are one.
    const isKnown = this.#messages.has(kind) || this.#groups.size < MAX_CAUSES;
    const key = isKnown ? `${kind} ${OTHER_MESSAGES}` : OTHER_MESSAGES;
    const rest = isKnown ? { code, fields } : { code: OTHER_CODE, fields: [] };
    return this.#groups.get(key) ?? this.#enter(key, { ...rest, message: OTHER_MESSAGES }, error);
  }

  #enter(key: string, head: Pick<Group, 'code' | 'fields' | 'message'>, error: RowError): Group {
    const column = this.#columnOf(head.fields[0]);
    const { operation, key: keyColumn } = this.#options;
    const cure = cureFor(error, operation, column !== -1);
    const group: Group = { ...head, rows: 0, cure, fixable: 0, samples: [], column };
    if (cure.rule !== undefined) {
      if (cure.rule.do === 'replace' && Object.keys(cure.rule.values ?? {}).length === 0) group.values = new Map();
      else {
        const target = { names: this.#names ?? [], key: keyColumn, lineEnding: 'LF' } as const;
        group.fixer = new RowFixer([cure.rule], target);
      }
    }
    this.#groups.set(key, group);
    return group;
  }

  #columnOf(field: string | undefined): number {
    const wanted = field?.toLowerCase();
    return (this.#names ?? []).findIndex((name) => name.toLowerCase() === wanted);
  }

  /** The fields that the error names first, then the key, then others. */
  #sample({ fields }: Group, error: RowError, cells: readonly string[]): Sample {
    const names = this.#names ?? [];
    const first = [...fields, this.#options.key].map((field) => this.#columnOf(field)).filter((at) => at !== -1);
    const places = [...new Set([...first, ...names.keys()])].slice(0, MAX_CELLS);
    return {
      message: own(plainText(wholeText(error.message, 2 * MAX_MESSAGE), MAX_MESSAGE)),
      cells: places.map((at) => {
        const cell = cells[at] ?? '';
        return {
          column: own(wholeText(names[at] ?? '', MAX_CELL)),
          text: own(wholeText(cell, MAX_CELL)),
          ...(cell.length > MAX_CELL && { characters: cell.length }),
        };
      }),
    };
  }
}

const NO_RULE = 'Read the message, correct the rows in the rejected file, then load it.';

/** A copy: a part of a string keeps all of it in memory, and a cell may have many MB. */
function own(text: string): string {
  return Buffer.from(text).toString();
}

function countValue(values: Map<string, number>, value: string): void {
  if (value.length > MAX_VALUE || (!values.has(value) && values.size >= MAX_VALUES)) return;
  values.set(value, (values.get(value) ?? 0) + 1);
}

function finished({ code, fields, message, rows, cure, fixable, samples, values }: Group): SampledCause {
  const counted = [...(values ?? [])]
    .map(([value, number]) => ({ value, rows: number }))
    .sort((a, b) => b.rows - a.rows || (a.value < b.value ? -1 : 1))
    .slice(0, MAX_RULE_VALUES);
  const { rule, text } = cure;
  const listed = counted.reduce((sum, one) => sum + one.rows, 0);
  const table = Object.fromEntries(counted.map(({ value }) => [wholeText(value, MAX_VALUE), NEW_VALUE]));
  const complete =
    rule === undefined || values === undefined ? rule : counted.length === 0 ? undefined : { ...rule, values: table };
  const would = complete === undefined ? 0 : values === undefined ? fixable : listed;
  const helps = rule === undefined || would > 0;
  return {
    cause: {
      code,
      fields,
      message,
      rows,
      cure: {
        text: helps ? text : NO_RULE,
        ...(complete !== undefined && would > 0 && { rule: complete }),
        rows: would > 0 ? would : rows,
      },
    },
    samples,
    values: counted,
  };
}

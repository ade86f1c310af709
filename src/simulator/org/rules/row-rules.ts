/** Rows that fail because somebody says so: the parts of an org that no describe contains, such as triggers. */
import { Pattern } from '../../formula/pattern.js';
import { Unsupported } from '../../formula/unsupported.js';
import { ROW_RULE } from '../../org-folder/object-file.js';
import type { FieldCondition, RowRule } from '../../org-folder/object-file.js';
import { listOf, Mistake, within } from '../../org-folder/shape.js';
import { shareOf } from '../../random.js';
import type { Table } from '../table.js';
import { UnknownValue } from './write.js';

const MAX_RULES = 1_000;
const ROW_RULES = listOf(ROW_RULE, { max: MAX_RULES });

/** A row as conditions see it. */
export interface RuledRow {
  operation: string;
  /** Value of a column of the upload; undefined if there is no such column. */
  cell: (column: string) => string | undefined;
  /** The record's value after the write. @throws UnknownValue */
  after: (field: string) => string | undefined;
  /** Identifies the row across jobs. */
  key: () => string;
}

interface Condition {
  name: string;
  fits: (value: string) => boolean;
}

interface CompiledRule {
  conditions: Condition[];
  operations: readonly string[] | undefined;
  error: string;
  share: number;
  times: number;
  /** Attempts of each row that it made fail, if it fails a limited number of times. */
  tries: Map<string, number>;
  /** For the share: the same rule chooses the same rows. */
  salt: string;
}

/** Where rules come from; each place has its own list for an object. */
export type RuleOrigin = 'folder' | 'options' | 'door';

export class RowRules {
  readonly #seed: number;
  readonly #separator: string;
  readonly #rules = new Map<string, Map<RuleOrigin, CompiledRule[]>>();

  constructor(seed = 1, separator = ' ') {
    this.#seed = seed;
    this.#separator = separator;
  }

  /** Replaces the rules of an object that came from this place. @throws Mistake */
  set(table: Table, origin: RuleOrigin, rules: unknown, at: string): void {
    ROW_RULES.check(rules, at);
    const object = table.object.name;
    const compiled = (rules as RowRule[]).map((rule, i) => this.#compile(rule, table, `${at}[${i}]`, `${object} ${i}`));
    const ofObject = this.#rules.get(object) ?? new Map<RuleOrigin, CompiledRule[]>();
    ofObject.set(origin, compiled);
    this.#rules.set(object, ofObject);
  }

  #compile(rule: RowRule, table: Table, at: string, salt: string): CompiledRule {
    const { code, message, fields = [] } = rule.fails;
    const conditions = Object.entries(rule.when).map(([name, condition]) => {
      const place = within(`${at}.when`, name);
      // A relationship column has a dot.
      if (!name.includes('.') && table.field(name) === undefined) {
        throw new Mistake(place, `${table.object.name} has no field ${name}`);
      }
      return { name, fits: conditionOf(condition, place) };
    });
    return {
      conditions,
      operations: rule.operations,
      error: `${code}:${message}:${fields.join(this.#separator)}${fields.length === 0 ? '' : ' '}--`,
      share: rule.share ?? 1,
      times: rule.times ?? Infinity,
      tries: new Map(),
      salt: `${this.#seed} ${rule.name ?? salt}`,
    };
  }

  /** The error of the first rule that makes the row fail. */
  refuse(object: string, row: RuledRow): string | undefined {
    const ofObject = this.#rules.get(object);
    if (ofObject === undefined) return undefined;
    for (const rules of ofObject.values()) {
      for (const rule of rules) if (matches(rule, row) && fails(rule, row.key())) return rule.error;
    }
    return undefined;
  }
}

function matches({ conditions, operations }: CompiledRule, row: RuledRow): boolean {
  if (operations !== undefined && !operations.includes(row.operation)) return false;
  try {
    return conditions.every(({ name, fits }) => fits(valueIn(row, name)));
  } catch (error) {
    // Of a record that is only assumed: nobody knows whether the rule applies.
    if (error instanceof UnknownValue) return false;
    throw error;
  }
}

function valueIn(row: RuledRow, name: string): string {
  const cell = row.cell(name);
  // An empty cell leaves the value as it is.
  if (cell === '#N/A') return '';
  return cell !== undefined && cell !== '' ? cell : (row.after(name) ?? '');
}

function fails({ share, times, tries, salt }: CompiledRule, key: string): boolean {
  if (share < 1 && shareOf(`${salt} ${key}`) >= share) return false;
  if (times === Infinity) return true;
  const before = tries.get(key) ?? 0;
  if (before >= times) return false;
  tries.set(key, before + 1);
  return true;
}

function conditionOf(condition: FieldCondition, at: string): (value: string) => boolean {
  const { equals, in: among, matches: source, blank, longerThan } = condition;
  const tests: ((value: string) => boolean)[] = [];
  if (equals !== undefined) tests.push((value) => value === equals);
  if (among !== undefined) {
    const values = new Set(among);
    tests.push((value) => values.has(value));
  }
  if (source !== undefined) {
    const pattern = patternOf(source, within(at, 'matches'));
    tests.push((value) => pattern.matches(value) === true);
  }
  if (blank !== undefined) tests.push((value) => (value === '') === blank);
  if (longerThan !== undefined) tests.push((value) => value.length > longerThan);
  if (tests.length === 0) throw new Mistake(at, 'has no condition');
  return (value) => tests.every((test) => test(value));
}

function patternOf(source: string, at: string): Pattern {
  try {
    return new Pattern(source);
  } catch (error) {
    if (error instanceof Unsupported) throw new Mistake(at, error.message);
    throw error;
  }
}

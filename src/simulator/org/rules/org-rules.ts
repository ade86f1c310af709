/** The rules of an org's folder, and row rules that were added to it. */
import type { OrgFolder } from '../../org-folder/read-org-folder.js';
import { Mistake } from '../../org-folder/shape.js';
import type { Org } from '../org.js';
import type { Table } from '../table.js';
import { brokenFixedRule } from './fixed-rules.js';
import { refuseByRecordType } from './record-types.js';
import { RowRules } from './row-rules.js';
import type { RuledRow } from './row-rules.js';
import { ValidationRules } from './validation-rules.js';
import type { SkippedRule } from './validation-rules.js';
import type { Write } from './write.js';

export interface OrgRulesOptions {
  org: Org;
  folder: OrgFolder | undefined;
  /** By object. */
  rowRules: Readonly<Record<string, unknown>>;
  seed: number;
  /** Between several fields of an error. */
  separator: string;
}

export class OrgRules {
  readonly #org: Org;
  readonly #rowRules: RowRules;
  readonly #validationRules = new Map<Table, ValidationRules>();

  /** @throws Error that names the place of a mistake */
  constructor({ org, folder, rowRules, seed, separator }: OrgRulesOptions) {
    this.#org = org;
    this.#rowRules = new RowRules(seed, separator);
    for (const { object, file } of folder?.objects ?? []) {
      const table = org.table(object.name) as Table;
      this.#validationRules.set(table, new ValidationRules(table.object, file.validationRules ?? []));
      const at = `objects/${object.name}.json: $.rowRules`;
      inPlace(() => this.#rowRules.set(table, 'folder', file.rowRules ?? [], at));
    }
    for (const [object, rules] of Object.entries(rowRules)) this.#setOf(object, 'options', rules, `rowRules.${object}`);
  }

  /** Replaces the row rules of an object that were set like this before. @throws Error that names the place */
  setRowRules(object: string, rules: unknown): void {
    this.#setOf(object, 'door', rules, 'rules');
  }

  #setOf(object: string, origin: 'options' | 'door', rules: unknown, at: string): void {
    const table = this.#org.table(object);
    if (table === undefined) throw new Error(`${at}: there is no object ${object}`);
    inPlace(() => this.#rowRules.set(table, origin, rules, at));
  }

  /** Active validation rules that are not applied. */
  unsupported(object: string): readonly { name: string; reason: string }[] {
    const table = this.#org.table(object);
    return (table === undefined ? undefined : this.#validationRules.get(table)?.unsupported) ?? [];
  }

  /** Validation rules that were not evaluated for some rows so far. */
  skipped(): (SkippedRule & { object: string })[] {
    return [...this.#validationRules].flatMap(([{ object }, rules]) =>
      rules.skipped.map((one) => ({ object: object.name, ...one })),
    );
  }

  /** The error of the first rule that a write breaks, if any. */
  broken(write: Write): string | undefined {
    return refuseByRecordType(write) ?? brokenFixedRule(write) ?? this.#validationRules.get(write.table)?.refuse(write);
  }

  /** The error of the first row rule that makes a row fail, if any. */
  byRowRule(object: string, row: RuledRow): string | undefined {
    return this.#rowRules.refuse(object, row);
  }
}

function inPlace(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw error instanceof Mistake ? new Error(`${error.at} ${error.message}`) : error;
  }
}

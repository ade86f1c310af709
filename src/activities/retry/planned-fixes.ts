/**
 * Plans which rows of the next round a fix rule changes. The failed file decides whether a rule helps; the change is
 * made to the source's own row, which is read later. Until then the row's error is kept by key.
 */
import type { RowFix } from '../../contract/corrections.js';
import { parseRowError } from '../../domain/platform/row-errors.js';
import type { RowError } from '../../domain/platform/row-errors.js';
import { RowFixer } from '../../rows/apply-fixes.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { defined } from '../../domain/defined.js';

export interface Fixed {
  cells: readonly string[];
  /** Lines for the file of changes. */
  lines: (id: string) => string[][];
}

export class PlannedFixes {
  readonly #fixer: RowFixer | undefined;
  readonly #notes = new Map<string, string>();
  /** Interned error texts: most rows fail for the same few reasons. */
  readonly #texts = new Map<string, string>();
  /** Keys of rows whose rule needs more of the error text than is kept. */
  readonly #vague = new Set<string>();
  /** Keys whose rows cannot be matched one by one in the source. */
  readonly #odd = new Set<string>();

  constructor(fixes: readonly RowFix[], plan: StagePlan) {
    if (fixes.length === 0) return;
    const { names, key, lengths, lineEnding } = plan;
    this.#fixer = new RowFixer(fixes, {
      names,
      lineEnding,
      ...defined({ key: key?.column, lengths }),
    });
  }

  /** Whether there are rules: whether one applies depends on the cells of a row. */
  get hasRules(): boolean {
    return this.#fixer !== undefined;
  }

  get size(): number {
    return this.#notes.size;
  }

  get anyOdd(): boolean {
    return this.#odd.size > 0;
  }

  /** `undefined` when no rule changes anything. */
  fix(error: RowError, cells: readonly string[]): Fixed | undefined {
    const fixer = this.#fixer;
    const outcome = fixer?.fix(error, cells);
    if (fixer === undefined || outcome?.kind !== 'fixed') return undefined;
    return { cells: outcome.cells, lines: (id) => fixer.changeRows({ id, cells }, outcome.changes) };
  }

  /**
   * Records a wanted row of a key.
   * @param note error of a row that is to be changed
   * @param again whether another row of the key is wanted: which source row is which is unknown, and does not matter if
   *   all of them failed with the same error
   * @param cells of the row in the result file
   */
  plan(key: string, note: string | undefined, again: boolean, cells: readonly string[]): void {
    const text = note === undefined ? undefined : shortNote(note);
    if (text !== undefined && this.fix(parseRowError(text), cells) === undefined) this.#vague.add(key);
    if (again && (this.#notes.get(key) !== text || this.#vague.has(key))) this.#odd.add(key);
    if (text === undefined) return;
    const known = this.#texts.get(text) ?? text;
    this.#texts.set(text, known);
    this.#notes.set(key, known);
  }

  noteOf(key: string): string | undefined {
    return this.#notes.get(key);
  }

  isOdd(key: string): boolean {
    return this.#odd.has(key);
  }

  /** The source's row has other values than the failed file showed. */
  callOdd(key: string): void {
    this.#odd.add(key);
  }
}

/** The text that rules need: full messages contain values, of which there may be millions. */
function shortNote(note: string): string {
  const { code = '', message, fields } = parseRowError(note);
  // The last match counts: a quoted value may look the same. The class of the error must not change.
  const length = [...message.matchAll(/\(max length=\d+\)/gi)].at(-1)?.[0] ?? '';
  const words = /Foreign key external ID/i.exec(message)?.[0] ?? '';
  return `${code}:${[words, length].filter((part) => part !== '').join(' ')}:${fields.join(' ')} --`;
}

/** Which columns are sent, and under which API names. */
import { NightloadError } from '../errors.js';
import { writeCells } from '../csv/cells.js';
import { isNameless } from '../csv/dialect.js';
import type { Operation } from '../contract/names.js';
import { headerDetail, listedTitles, titlesOf } from '../csv/shown-titles.js';
import type { Titles } from '../csv/shown-titles.js';
import type { Column } from '../csv/columns.js';

export interface ColumnPlan {
  /** Columns sent, in source order. A column mapped to several fields appears once for each. */
  sent: Column[];
  /** Columns of the `rejected` file: all except those left out. */
  kept: Column[];
  /** Titles of columns written by an earlier load, which are left out. */
  notes: string[];
  /** Positions of columns without a name, which are left out while no row has a value in them. */
  nameless: number[];
  /** Headers of `columnsIfPresent` that the file does not have. */
  missing: string[];
}

export interface ColumnChoice {
  operation: Operation;
  columns?: Record<string, string>;
  columnsIfPresent?: Record<string, string>;
  /** Columns may be named by their fields' labels: resolved later. */
  mapLabels?: boolean;
  /** Fields of the object, if known. */
  isField?: (name: string) => boolean;
}

/** Columns that result files have before the sent ones. A managed package may have the prefix `sf` too. */
const NOTE_COLUMNS = new Set(['sf__id', 'sf__created', 'sf__error']);

export function isNoteColumn(title: string): boolean {
  return NOTE_COLUMNS.has(title.trim().toLowerCase());
}

/** Titles are compared in this form: no two columns of a file differ only in letter case. */
function formOf(title: string): string {
  return isNameless(title) ? '' : title.toLowerCase();
}

/** API names contain no comma, so one text may list several. */
function targetsOf(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Looks up columns in a mapping: by exact title, otherwise in any letter case. */
class ColumnMapping {
  readonly #entries: [string, string][];
  readonly #exact: Map<string, string>;
  readonly #byForm: Map<string, string>;

  constructor(mapping: Record<string, string> = {}) {
    this.#entries = Object.entries(mapping);
    this.#exact = new Map(this.#entries);
    this.#byForm = new Map(this.#entries.map(([title, to]) => [formOf(title), to]));
  }

  /** Undefined when it does not name the column; an empty list leaves the column out. */
  find(title: string): string[] | undefined {
    const to = this.#exact.get(title) ?? this.#byForm.get(formOf(title));
    return to === undefined ? undefined : targetsOf(to);
  }

  /**
   * Titles that no column has; a missing title is not an error when the file already has the API names, as a rejected
   * file does.
   */
  missing(header: readonly string[]): string[] {
    const forms = new Set(header.map(formOf));
    return this.#entries
      .filter(([title, to]) => {
        const targets = targetsOf(to);
        const isTarget = targets.length > 0 && targets.every((name) => forms.has(name.toLowerCase()));
        return !forms.has(formOf(title)) && !isTarget;
      })
      .map(([title]) => title);
  }
}

/**
 * Applies the caller's mapping. Result columns of an earlier load are left out unless they are fields; delete sends
 * `Id` alone, because the platform refuses any other column.
 * @throws NightloadError `HEADER_UNKNOWN_MAPPING`, `HEADER_DUPLICATE_COLUMN`, `HEADER_NO_ID`, `HEADER_NO_COLUMNS`
 */
export function applyColumns(header: readonly string[], choice: ColumnChoice): ColumnPlan {
  const mapping = new ColumnMapping(choice.columns);
  const ifPresent = new ColumnMapping(choice.columnsIfPresent);
  const [unknown] = mapping.missing(header);
  if (unknown !== undefined) {
    throw new NightloadError(
      'HEADER_UNKNOWN_MAPPING',
      unknown === ''
        ? 'The mapping refers to the column without a name, but all columns of the file have names.'
        : `The mapping names a column "${cut(unknown)}" that the file does not have. ${columnsAre(header, choice)}`,
      { detail: headerDetail(header) },
    );
  }
  const kept: Column[] = [];
  const notes: string[] = [];
  const nameless: number[] = [];
  header.forEach((title, index) => {
    const targets = mapping.find(title) ?? ifPresent.find(title);
    if (targets !== undefined) kept.push(...targets.map((name) => ({ index, name })));
    else if (isNameless(title)) nameless.push(index);
    else if (isNoteColumn(title) && choice.isField?.(title) !== true) notes.push(title);
    else kept.push({ index, name: title });
  });
  const names = new Set<string>();
  const titles = titlesFor(header, choice);
  for (const { name } of kept) {
    if (names.has(name.toLowerCase())) {
      throw new NightloadError(
        'HEADER_DUPLICATE_COLUMN',
        `Two columns are mapped to ${titles.shows(name) ? `"${cut(name)}"` : 'the same name'}. Keep one of them.`,
      );
    }
    names.add(name.toLowerCase());
  }
  const rest = { kept, notes, nameless, missing: ifPresent.missing(header) };
  if (choice.operation !== 'delete' && choice.operation !== 'hardDelete') {
    if (kept.length === 0)
      throw new NightloadError('HEADER_NO_COLUMNS', 'The mapping leaves no column to send. Keep at least one.');
    return { sent: kept, ...rest };
  }
  const id = kept.find((column) => column.name.toLowerCase() === 'id');
  // A column may be named by the label of Id, which only describe knows.
  if (id === undefined && choice.mapLabels === true) return { sent: kept, ...rest };
  if (id === undefined) {
    throw new NightloadError('HEADER_NO_ID', `${choice.operation} needs a column "Id". ${columnsAre(header, choice)}`, {
      detail: headerDetail(header),
    });
  }
  return { sent: [{ index: id.index, name: 'Id' }], ...rest };
}

/** Cuts a refused value for a message. */
function cut(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}

/** Names that the caller wrote are not values of the file. */
export function titlesFor(
  header: readonly string[],
  { columns, columnsIfPresent }: Omit<ColumnChoice, 'operation'>,
): Titles {
  const written = new Set(
    [columns, columnsIfPresent]
      .flatMap((mapping) => Object.entries(mapping ?? {}).flat())
      .map((name) => name.toLowerCase()),
  );
  return titlesOf(header, (title) => written.has(title.toLowerCase()));
}

function columnsAre(header: readonly string[], choice: ColumnChoice): string {
  const titles = titlesFor(header, choice);
  if (titles.isHeader) return `The columns are: ${listedTitles(header, titles)}.`;
  return (
    `Of its ${header.length} ${header.length === 1 ? 'column' : 'columns'} none has a name that nightload knows: check whether the first line is ` +
    'a header. It is not shown here, because it may be a data row.'
  );
}

/** Whether bytes of the source can be sent unchanged under a new header line. */
export function sendsAllColumns(header: readonly string[], sent: readonly Column[]): boolean {
  return sent.length === header.length && sent.every(({ index }, place) => index === place);
}

/** A header line as sent. */
export function headerBytes(names: readonly string[], delimiter: string, lineEnding: 'LF' | 'CRLF'): Buffer {
  return Buffer.from(writeCells(names, delimiter, lineEnding));
}

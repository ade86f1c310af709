/** Which columns are sent, under which API names. */
import { NightloadError } from '../errors.js';
import { writeCells } from './cells.js';
import { isNameless } from './dialect.js';
import type { Operation } from '../contract.js';
import { headerDetail, listedTitles, titlesOf } from './titles.js';
import type { Titles } from './titles.js';

export interface Column {
  /** Position in the source. */
  index: number;
  /** API name that is sent. */
  name: string;
}

export interface ColumnPlan {
  /** What is sent, in the order of the source. A column that is mapped to several fields is there once for each. */
  sent: Column[];
  /** What the `rejected` file shows: all columns but those that are left out. */
  kept: Column[];
  /** Titles of columns that an earlier load wrote, and that are left out. */
  notes: string[];
  /** Positions of columns without a name, which are left out as long as no row has a value in them. */
  nameless: number[];
  /** Headers of `columnsIfPresent` that the file does not have. */
  missing: string[];
}

export interface ColumnChoice {
  operation: Operation;
  columns?: Record<string, string>;
  columnsIfPresent?: Record<string, string>;
  /** Columns may be called as their fields are labelled: found out later. */
  mapLabels?: boolean;
  /** Fields of the object, where they are known. */
  isField?: (name: string) => boolean;
}

/** What result files have before the columns that were sent. A managed package may have the prefix `sf` too. */
const NOTE_COLUMNS = new Set(['sf__id', 'sf__created', 'sf__error']);

export function isNoteColumn(title: string): boolean {
  return NOTE_COLUMNS.has(title.trim().toLowerCase());
}

/** In this form titles are compared: no two columns of a file differ in letter case alone. */
function formOf(title: string): string {
  return isNameless(title) ? '' : title.toLowerCase();
}

/** API names have no comma, so several may stand in one text. */
function targetsOf(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** What a mapping says of columns: by exact title, else in any letter case. */
class ColumnMapping {
  readonly #entries: [string, string][];
  readonly #exact: Map<string, string>;
  readonly #byForm: Map<string, string>;

  constructor(mapping: Record<string, string> = {}) {
    this.#entries = Object.entries(mapping);
    this.#exact = new Map(this.#entries);
    this.#byForm = new Map(this.#entries.map(([title, to]) => [formOf(title), to]));
  }

  /** Undefined when it does not name the column; none: the column is left out. */
  find(title: string): string[] | undefined {
    const to = this.#exact.get(title) ?? this.#byForm.get(formOf(title));
    return to === undefined ? undefined : targetsOf(to);
  }

  /** Titles that no column has; one is no error when the file has the API names already, as a rejected file does. */
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
 * Applies the caller's mapping. Columns that an earlier load noted are left out, but for those that are fields; delete
 * sends `Id` alone, because the platform refuses any other column.
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
        ? 'The mapping names the column without a name, and all columns of the file have one.'
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
    if (kept.length === 0) throw new NightloadError('HEADER_NO_COLUMNS', 'No column is left to send.');
    return { sent: kept, ...rest };
  }
  const id = kept.find((column) => column.name.toLowerCase() === 'id');
  // A column may be called as Id is labelled, which only describe tells.
  if (id === undefined && choice.mapLabels === true) return { sent: kept, ...rest };
  if (id === undefined) {
    throw new NightloadError('HEADER_NO_ID', `${choice.operation} needs a column "Id". ${columnsAre(header, choice)}`, {
      detail: headerDetail(header),
    });
  }
  return { sent: [{ index: id.index, name: 'Id' }], ...rest };
}

/** A value that is refused is repeated so far. */
function cut(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}

/** Names that the caller wrote are no values of the file. */
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
    `Of its ${header.length} ${header.length === 1 ? 'column' : 'columns'} none has a name that nightload knows: look whether the first line is ` +
    'a header line. It is not repeated here, because it may be a row.'
  );
}

/** Whether bytes of the source can be sent as they are, under a new header line. */
export function sendsAllColumns(header: readonly string[], sent: readonly Column[]): boolean {
  return sent.length === header.length && sent.every(({ index }, place) => index === place);
}

/** A header line as it is sent. */
export function headerBytes(names: readonly string[], delimiter: string, lineEnding: 'LF' | 'CRLF'): Buffer {
  return Buffer.from(writeCells(names, delimiter, lineEnding));
}

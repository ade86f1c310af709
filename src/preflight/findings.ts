/** What a check of a header tells, and how it names columns to a person. */

export interface Finding {
  /** Stable, in capitals: match on this, not on the message. */
  code: string;
  message: string;
  /** The column's title in the file. */
  column?: string;
  /** The column's place in the file, from 1. */
  position?: number;
}

/** A finding before it is known which column it is about. */
export interface Problem {
  code: string;
  /** Follows the column's name and a colon; with the sentence's end. */
  text: string;
}

export interface Problems {
  errors: Problem[];
  warnings: Problem[];
}

/** What gives values to a field: a column of the file, or a constant. */
export interface Source {
  /** As it would be sent: a column's title after the caller's mapping, a constant's name. */
  name: string;
  /** `isHidden`: the title may be a value of a row, so the column is told by its place. */
  column?: { title: string; position: number; isHidden?: boolean };
}

/** A wrong delimiter makes the whole header one title. */
const SHOWN = 80;

/** What looks like nothing, or like a plain blank: nobody sees why the name is unknown. */
const UNSEEN = /(?! )[\p{Zs}\p{Cf}]/gu;

function codePoint(character: string): string {
  return `<U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}>`;
}

export function quoted(name: string): string {
  const text = name.replaceAll(/\p{Cc}+/gu, ' ');
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return `\`${shown.replaceAll(UNSEEN, codePoint)}\``;
}

/** A few names, then how many more there are. */
export function listed(names: readonly string[], most = 6): string {
  const shown = names.slice(0, most).map(quoted).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** `Column 3, `Umsatz` (mapped to `AnnualRevenue`)`. */
export function named({ name, column }: Source): string {
  if (column === undefined) return `The constant ${quoted(name)}`;
  const mapped = name === column.title ? '' : ` (mapped to ${quoted(name)})`;
  if (column.isHidden === true) return `Column ${column.position}${mapped}`;
  return `Column ${column.position}, ${quoted(column.title)}${mapped}`;
}

export function about(source: Source, { code, text }: Problem): Finding {
  return {
    code,
    message: `${named(source)}: ${text}`,
    ...(source.column && {
      ...(source.column.isHidden !== true && { column: source.column.title }),
      position: source.column.position,
    }),
  };
}

/** The option that renames a column, ready for a shell; `undefined` when the title cannot be written as one. */
export function mapOption(title: string, to: string): string | undefined {
  if (title === '' || title.length > SHOWN || /(?! )[\p{Cc}\p{Cf}\p{Zs}]/u.test(title)) return undefined;
  return `--map '${`${title}=${to}`.replaceAll("'", String.raw`'\''`)}'`;
}

function optionFor({ title, isHidden }: NonNullable<Source['column']>, to: string): string | undefined {
  return isHidden === true ? undefined : mapOption(title, to);
}

/** How to give a column, or a constant, its right name. */
export function rename({ column }: Source, to: string): string {
  if (column === undefined) return `write --set '${to}=…'`;
  return `use ${optionFor(column, to) ?? `${quoted(to)} as its title in the file`}`;
}

/** How to do without a column or a constant. */
export function leaveOut({ column }: Source): string {
  if (column === undefined) return 'remove the constant';
  const option = optionFor(column, '');
  return option === undefined ? 'remove the column from the file' : `leave the column out with ${option}`;
}

/** It is about a column whose title may be a value, and so is not in it. */
export function isHidden({ column, position }: Finding): boolean {
  return position !== undefined && column === undefined;
}

/** As a sentence of its own. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

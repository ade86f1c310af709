/** Findings of a header check, and how they name columns. */

export interface Finding {
  /** Stable, in capitals: match on this, not on the message. */
  code: string;
  message: string;
  /** The column's title in the file. */
  column?: string;
  /** The column's position in the file, from 1. */
  position?: number;
}

/** A finding without its column. */
export interface Problem {
  code: string;
  /** Follows the column's name and a colon; ends the sentence. */
  text: string;
}

export interface Problems {
  errors: Problem[];
  warnings: Problem[];
}

/** The source of a field's values: a column of the file, or a constant. */
export interface Source {
  /** As it would be sent: a column's title after mapping, or a constant's name. */
  name: string;
  /** `isHidden`: the title may be a row value, so the column is named by its position. */
  column?: { title: string; position: number; isHidden?: boolean };
}

/** A wrong delimiter turns the whole header into one title. */
const SHOWN = 80;

/**
 * Invisible characters, and blanks that look like a space: without a mark, it is not visible why the name is unknown.
 */
const UNSEEN = /(?! )[\p{Zs}\p{Cf}]/gu;

function codePoint(character: string): string {
  return `<U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}>`;
}

export function quoted(name: string): string {
  const text = name.replaceAll(/\p{Cc}+/gu, ' ');
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return `\`${shown.replaceAll(UNSEEN, codePoint)}\``;
}

/** A few names, then the number of others. */
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

/** The option that renames a column, quoted for a shell; `undefined` if the title cannot be written as one. */
function mapOption(title: string, to: string): string | undefined {
  if (title === '' || title.length > SHOWN || /(?! )[\p{Cc}\p{Cf}\p{Zs}]/u.test(title)) return undefined;
  return `--map '${`${title}=${to}`.replaceAll("'", String.raw`'\''`)}'`;
}

function optionFor({ title, isHidden }: NonNullable<Source['column']>, to: string): string | undefined {
  return isHidden === true ? undefined : mapOption(title, to);
}

/** How to rename a column or a constant. */
export function rename({ column }: Source, to: string): string {
  if (column === undefined) return `write --set '${to}=…'`;
  return `use ${optionFor(column, to) ?? `${quoted(to)} as its title in the file`}`;
}

/** How to leave out a column or a constant. */
export function leaveOut({ column }: Source): string {
  if (column === undefined) return 'remove the constant';
  const option = optionFor(column, '');
  return option === undefined ? 'remove the column from the file' : `leave the column out with ${option}`;
}

/** Whether it concerns a column whose title may be a value, and is therefore omitted. */
export function isHidden({ column, position }: Finding): boolean {
  return position !== undefined && column === undefined;
}

/** As a separate sentence. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export interface Findings {
  errors: readonly Finding[];
  warnings: readonly Finding[];
}

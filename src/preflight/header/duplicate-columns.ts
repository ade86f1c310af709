/**
 * Finds fields that would get values from more than one column, or from a column and a constant. Equal titles are
 * refused in `csv/dialect.ts`, double mappings in `rows/column-mapping.ts`.
 */
import type { ResolvedColumn } from './resolve-columns.js';
import { about, leaveOut, named } from './findings.js';
import type { Finding } from './findings.js';

/** @param columns to be sent, without columns that a constant replaces */
export function duplicateColumns(columns: readonly ResolvedColumn[]): { errors: Finding[]; warnings: Finding[] } {
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  const byName = new Map<string, ResolvedColumn>();
  /** For each field, the first column that fills it, by the object that the column names. */
  const byField = new Map<string, Map<string | undefined, ResolvedColumn>>();
  for (const column of columns) {
    const { source, name, field } = column;
    const twin = byName.get(name.toLowerCase());
    const rivals = (field && byField.get(field.name)) ?? new Map<string | undefined, ResolvedColumn>();
    // A row may name its parent in either column: a blank cell has no effect.
    const [first] = rivals.values();
    const rival = column.type === undefined ? first : (rivals.get(column.type) ?? rivals.get(undefined) ?? first);
    if (twin !== undefined) {
      const text = `it is \`${name}\`, and so is ${lower(named(twin.source))}. Keep one of them: ${remedy(column, twin)}.`;
      errors.push(about(source, { code: 'HEADER_DUPLICATE_COLUMN', text }));
    } else if (field !== undefined && rival !== undefined) {
      const both = `it fills \`${field.name}\`, and so does ${lower(named(rival.source))}.`;
      const either = isAlternative(column, rival);
      const text = either
        ? `${both} Each row may have a value in only one of them.`
        : `${both} Keep one of them: ${remedy(column, rival)}.`;
      (either ? warnings : errors).push(about(source, { code: 'HEADER_SAME_FIELD_TWICE', text }));
    }
    if (twin === undefined) byName.set(name.toLowerCase(), column);
    if (field === undefined) continue;
    if (!rivals.has(column.type)) rivals.set(column.type, column);
    byField.set(field.name, rivals);
  }
  return { errors, warnings };
}

/** `User:Owner.Email` next to `Group:Owner.DeveloperName`. */
function isAlternative({ type }: ResolvedColumn, other: ResolvedColumn): boolean {
  return type !== undefined && other.type !== undefined && type !== other.type;
}

function lower(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/** A mapping cannot distinguish two columns with the same title. */
function remedy({ source }: ResolvedColumn, other: ResolvedColumn): string {
  const alike = source.column !== undefined && source.column.title === other.source.column?.title;
  return alike ? 'remove the other from the file' : leaveOut(source);
}

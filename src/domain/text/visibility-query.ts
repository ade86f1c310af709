/** Texts in Temporal's visibility queries. Pure. */

/** A text as a literal of a query. */
export function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** The platform's limits of a header. */
import { MAX_FIELDS } from '../../domain/platform/record-limits.js';
import type { Finding, Findings } from './findings.js';

const MAX_CHARACTERS = 32_000;

export function checkSize(names: readonly string[]): Findings {
  const errors: Finding[] = [];
  const characters = names.join(',').length;
  const split = "Leave out columns with --map 'Title=', or split them across several files.";
  if (characters > MAX_CHARACTERS) {
    const message = `The header would have ${characters} characters; Salesforce accepts ${MAX_CHARACTERS}. ${split}`;
    errors.push({ code: 'HEADER_TOO_LONG', message });
  }
  if (names.length > MAX_FIELDS) {
    const message = `The header would have ${names.length} columns; Salesforce accepts ${MAX_FIELDS}. ${split}`;
    errors.push({ code: 'HEADER_TOO_MANY_COLUMNS', message });
  }
  return { errors, warnings: [] };
}

/** Warnings of a load and its parts, as its result lists them: bounded, since the result is also a memo. */
import { wholeText } from '../../domain/text/shown.js';

/** Parts repeat each other's warnings; more than a few different ones go unread. */
const MAX_WARNINGS = 20;
const MAX_LENGTH = 2_000;

/** Records notes for people although the parts went well. */
export function enterWarnings(warnings: string[], more: readonly (string | undefined)[] = []): void {
  for (const text of more) {
    if (text === undefined) continue;
    const warning = text.length <= MAX_LENGTH ? text : `${wholeText(text, MAX_LENGTH - 1)}…`;
    if (!warnings.includes(warning) && warnings.length < MAX_WARNINGS) warnings.push(warning);
  }
}

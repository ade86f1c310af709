/** How values of others are read and repeated: of bounded length, whatever they are. Pure, and safe in workflows. */
import { plainText } from '../plain-text.js';

/** Of any text that stands for itself. */
export const MAX_TEXT = 1_000;
/** Of a value that is refused. */
const MAX_REPEATED = 200;

/** A value that is refused, for the message about it: one line, cut. Anybody may have sent it. */
export function shown(value: unknown): string {
  try {
    // A long text is cut before it is quoted.
    const some = typeof value === 'string' ? value.slice(0, MAX_REPEATED) : value;
    return plainText(JSON.stringify(some) ?? String(some), MAX_REPEATED);
  } catch {
    return `a value that cannot be shown (${typeof value})`;
  }
}

/** Whether it is a text of an ordinary length. */
export function isText(value: unknown, most = MAX_TEXT): value is string {
  return typeof value === 'string' && value.length <= most;
}

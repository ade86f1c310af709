/** Errors for corrections that cannot be accepted. */
import { NightloadError } from '../../errors.js';
import { hostname } from 'node:os';

export function refused(message: string): NightloadError {
  return new NightloadError('CORRECTIONS_REFUSED', message);
}

/** An error in a person's file must not end the load. */
export async function asRefusal<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (gone) throw refused('The corrected file was deleted or moved while it was read.');
    if (!(error instanceof NightloadError) || error.retryable || error.code === 'CORRECTIONS_REFUSED') throw error;
    const where =
      error.code === 'SOURCE_NOT_FOUND' ? ` It must be visible to ${hostname()}, like the load's files.` : '';
    throw refused(`${error.message} (${error.code})${where}`);
  }
}

/** Rows that a refusal lists. */
const MAX_NAMED = 5;

/** `Data row 3` or `Data rows 3, 4, 5, 6, 7 and 12 more`. */
export function rowList(rows: readonly number[]): string {
  const named = rows.slice(0, MAX_NAMED).join(', ');
  const more = rows.length > MAX_NAMED ? ` and ${rows.length - MAX_NAMED} more` : '';
  return `Data row${rows.length === 1 ? '' : 's'} ${named}${more}`;
}

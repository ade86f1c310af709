/** Errors of a connections file that all of its readers share. */
import { NightloadError } from '../../errors.js';

export function invalid(path: string, troubles: readonly string[]): NightloadError {
  return new NightloadError(
    'CONNECTIONS_FILE_INVALID',
    troubles.length === 1 ? `${path}: ${troubles[0]}` : `${path}:\n  ${troubles.join('\n  ')}`,
  );
}

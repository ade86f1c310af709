/** Permissions of the files that a worker creates. */
import { NightloadError } from '../../errors.js';

/** Modes of new files and folders, independent of the umask: for the worker alone, or readable by a group. */
export function fileModes(said = process.env['NIGHTLOAD_FILE_MODE']): { file: number; folder: number } {
  if (said === '640') return { file: 0o640, folder: 0o750 };
  if (said === undefined || said === '' || said === '600') return { file: 0o600, folder: 0o700 };
  throw new NightloadError(
    'FILE_MODE_INVALID',
    `NIGHTLOAD_FILE_MODE is ${JSON.stringify(said.slice(0, 20))}; use 600 (only the worker reads results) or 640 (its group reads them too).`,
  );
}

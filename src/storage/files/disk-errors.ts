/** Errors of a disk, with a remedy. */
import { NightloadError } from '../../errors.js';
import { shownPath } from '../../domain/text/shown.js';
import { dirname } from '../locations.js';

/** Out of space, read-only, no permission: a person can fix the problem, and then the step resumes. */
export function diskError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (!['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE'].includes(code)) return error;
  return new NightloadError(
    'DISK_NOT_WRITABLE',
    `${shownPath(path)} cannot be accessed (${code}). Fix the problem; the load resumes by itself.`,
    {
      retryable: true,
      cause: error,
    },
  );
}

/**
 * A file or a folder that the step needs does not exist. The step waits, since a disk may be mounted late; but unlike a
 * transient fault it may stay missing, and then a person has to know.
 */
export function missingFile(error: unknown): NightloadError | undefined {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (!['ENOENT', 'ENOTDIR'].includes(code ?? '') || typeof path !== 'string') return undefined;
  // The file name may be specific to this attempt, but the text for people must stay the same.
  return incompleteFolder(dirname(path), error);
}

/** Working files are gone, or differ from what was written. */
export function incompleteFolder(folder: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'WORK_FILES_MISSING',
    `${shownPath(folder)} lacks files that the load needs: it is empty, incomplete or not mounted. ` +
      'Restore it: the load resumes by itself. If it is lost, cancel the load, and load its file again ' +
      'after checking what landed.',
    { retryable: true, cause },
  );
}

/** Errors of a file or a folder that was opened by handle, in terms of its path. */
import { NightloadError } from '../../errors.js';
import { shownPath } from '../../domain/text/shown.js';

export function named(error: unknown, at: string, path: string): unknown {
  const failed = error as NodeJS.ErrnoException;
  if (typeof failed.path !== 'string' || at === path) return error;
  failed.path = path;
  failed.message = failed.message.replaceAll(at, path);
  return failed;
}

export function swapped(path: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'FILE_OUTSIDE_ROOTS',
    `${shownPath(path)} is a link, or was replaced or moved while in use. Nothing is read or written through it. Put the file or folder ` +
      'itself there; the load resumes by itself.',
    { retryable: true, cause },
  );
}

export function notPrivate(path: string, why: string): NightloadError {
  return new NightloadError(
    'WORK_FOLDER_NOT_PRIVATE',
    `${shownPath(path)} is writable by users other than the worker (${why}), so its content is not trusted. Return it to the worker's ` +
      'user, with mode 700; the load resumes by itself.',
    { retryable: true },
  );
}

export function notAFile(path: string): NightloadError {
  return new NightloadError('SOURCE_NOT_A_FILE', `${shownPath(path)} is not a regular file. Name the CSV file itself.`);
}

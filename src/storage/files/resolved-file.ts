/** Files that are named by URI: their locations, links resolved. */
import { fileURLToPath } from 'node:url';
import { NightloadError } from '../../errors.js';
import { realOrPlanned } from '../../runtime/real-path.js';
import { isObject } from '../locations.js';
import { objectOf } from '../objects/object-roots.js';
import { ForeignFile } from './file-ref.js';

/** Any location that the caller may use, links resolved. */
export const ANYWHERE = { pathOf: async (uri: string): Promise<string> => (await resolvedFile(uri)).path };

/** A file of the caller, in any folder; links in its path are resolved. An object of any bucket that the caller may use. */
export async function resolvedFile(uri: string): Promise<ForeignFile> {
  if (isObject(uri)) return new ForeignFile(objectOf(uri));
  return new ForeignFile(await realOrPlanned(pathOfUri(uri)));
}

/** @throws NightloadError `INVALID_FILE_URI` */
export function pathOfUri(uri: string): string {
  try {
    const path = fileURLToPath(uri);
    // File systems do not allow it, and their calls would fail with their own errors.
    if (!path.includes('\0')) return path;
  } catch (error) {
    throw notAFileUri(uri, error);
  }
  throw notAFileUri(uri);
}

function notAFileUri(uri: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'INVALID_FILE_URI',
    `${String(uri).slice(0, 200)} is not a file: URI of this machine. Use the form file:///path/to/it.`,
    {
      cause,
    },
  );
}

/**
 * Files that a command reads on this machine. Their names may be someone else's: a result names files in a memo, which
 * anyone who starts a workflow may write. So only regular files are opened, and no more is read than a limit.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import { NightloadError } from '../../errors.js';
import { isObject } from '../../storage/locations.js';
import { readOwnerNote } from '../../storage/owner-note.js';

/** A setting that a person named: mappings, fix rules, options. */
const MAX_SETTINGS_BYTES = 10_000_000;

/** The whole of a small file. @throws Error when it is not a regular file, too large or unreadable */
export function readSettingsFile(path: string): Buffer {
  // A pipe without a writer would be waited for.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > MAX_SETTINGS_BYTES) throw new Error(`it is larger than ${MAX_SETTINGS_BYTES / 1_000_000} MB`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

type ResultKind = Exclude<keyof typeof RESULT_NAMES, 'kept'>;

/**
 * The path of a result file, if it is where its load wrote it: by its name, in a folder that the load owns.
 * Undefined otherwise, for an object, and on a machine that does not have the folder.
 */
export async function ownResultFile(
  { files, workflowId }: Pick<BulkLoadResult, 'files' | 'workflowId'>,
  kind: ResultKind,
): Promise<string | undefined> {
  const uri = files[kind];
  if (uri === undefined || isObject(uri)) return undefined;
  const path = fileURLToPath(uri);
  if (basename(path) !== RESULT_NAMES[kind]) return undefined;
  try {
    if (!(await lstat(path)).isFile()) return undefined;
    const owner = await readOwnerNote(dirname(path));
    return owner?.workflowId === workflowId ? path : undefined;
  } catch (error) {
    if (error instanceof NightloadError || (error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  }
}

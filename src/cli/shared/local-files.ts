/**
 * Files that a command reads, on this machine or in a store. Their names may be someone else's: a result names files in a
 * memo, which anyone who starts a workflow may write. So only regular files are opened, and no more is read than a limit.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import { NightloadError } from '../../errors.js';
import { shownPath } from '../../domain/text/shown.js';
import { isThere } from '../../storage/files/file-tree.js';
import { basename, dirname, isObject } from '../../storage/locations.js';
import { checkedObject, objectOf, objectRootsFrom } from '../../storage/objects/object-roots.js';
import { readOwnerNote } from '../../storage/owner-note.js';

/** A setting that a person named: mappings, fix rules, options. */
const MAX_SETTINGS_BYTES = 10_000_000;
const STORE_LIMIT_MS = 5_000;

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

type ResultKind = Exclude<keyof typeof RESULT_NAMES, 'kept' | 'messages'>;
type NamedResult = Pick<BulkLoadResult, 'files' | 'workflowId'>;

/**
 * The place of a result file, if it is where its load wrote it: by its name, in a folder that the load owns; in a store,
 * only below the command's own NIGHTLOAD_S3_ROOTS. Undefined otherwise, and where the folder is not accessible.
 */
export async function ownResultFile(result: NamedResult, kind: ResultKind): Promise<string | undefined> {
  try {
    return await findOwnResult(result, kind);
  } catch (error) {
    if (error instanceof NightloadError) return undefined;
    throw error;
  }
}

/** The same, with the reason why not. @throws NightloadError `RESULT_NOT_READABLE` */
export async function findOwnResult({ files, workflowId }: NamedResult, kind: ResultKind): Promise<string | undefined> {
  const uri = files[kind];
  if (uri === undefined) return undefined;
  const location = isObject(uri) ? permittedObject(uri) : fileURLToPath(uri);
  if (basename(location) !== RESULT_NAMES[kind]) throw notReadable(location, 'it has another name');
  try {
    const owner = await promptly(location, async () => {
      if (!(await isPlainFile(location))) return undefined;
      return readOwnerNote(dirname(location));
    });
    if (owner?.workflowId === workflowId) return location;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw notReadable(location, code === 'ENOENT' ? NOT_HERE : code, error);
  }
  throw notReadable(location, NOT_HERE);
}

const NOT_HERE = 'it is not here, or not in a folder that belongs to this load';

export function notReadable(location: string, why: string, cause?: unknown): NightloadError {
  const where = isObject(location)
    ? 'with the S3 settings of a worker (docs/storage.md)'
    : 'on a host with access to the results folder';
  return new NightloadError(
    'RESULT_NOT_READABLE',
    `${shownPath(location)} cannot be copied here (${why}). Run the command ${where}, or load with --defuse.`,
    { cause },
  );
}

function permittedObject(uri: string): string {
  try {
    return checkedObject(objectOf(uri), objectRootsFrom(process.env));
  } catch (error) {
    if (!(error instanceof NightloadError)) throw error;
    throw notReadable(uri, `${error.code}: NIGHTLOAD_S3_ROOTS of this command`, error);
  }
}

/** An object is never a link or a device. */
async function isPlainFile(location: string): Promise<boolean> {
  return isObject(location) ? isThere(location) : (await lstat(location)).isFile();
}

function noAnswer(location: string): NightloadError {
  return new NightloadError('STORE_UNAVAILABLE', `The store of ${shownPath(location)} does not answer.`);
}

/** Nobody waits long for a store that does not answer; the request that is given up ends with the command. */
export async function promptly<T>(location: string, answer: () => Promise<T>): Promise<T> {
  if (!isObject(location)) return answer();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(noAnswer(location)), STORE_LIMIT_MS);
  });
  return Promise.race([answer(), late]).finally(() => clearTimeout(timer));
}

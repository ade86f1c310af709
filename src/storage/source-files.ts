/** The files of a source: one, or all that a folder or a pattern names. */
import { createHash } from 'node:crypto';
import { shownPath } from '../domain/text/shown.js';
import { NightloadError } from '../errors.js';
import { ForeignFile, holding } from './files/file-ref.js';
import type { FileRoots } from './files/file-roots.js';
import { listFolder } from './files/file-tree.js';
import { fingerprint, sameFingerprint } from './fingerprint.js';
import type { Fingerprint } from './fingerprint.js';
import { basename, join } from './locations.js';

/** Their rows are counted one by one in the report. */
const MAX_FILES = 10_000;
/** Questions to a store, or open files. */
const AT_A_TIME = 16;
/** Names in a folder, including those that the pattern leaves out. */
const MAX_NAMES = 100_000;

export interface SourceFiles {
  /** Of the file, or of the folder and the pattern. */
  location: string;
  /** In the order of their names. */
  files: readonly ForeignFile[];
  /** Whether the source names a folder or a pattern, whatever it contains. */
  isMany: boolean;
}

/** Which locations may be used, and where they are. */
export type Locating = Pick<FileRoots, 'pathOf'>;

/**
 * Lists a source: a file, all files of a folder (`s3://bucket/night/`), or those that match a pattern
 * (`s3://bucket/night/*.csv`).
 * @throws NightloadError `SOURCE_PATTERN_INVALID`, `SOURCE_NOT_FOUND`, `TOO_MANY_FILES`, and those of `pathOf`
 */
export async function sourceFiles(roots: Locating, uri: string): Promise<SourceFiles> {
  const end = uri.lastIndexOf('/') + 1;
  const [folderUri, pattern] = [uri.slice(0, end), uri.slice(end)];
  if (folderUri.includes('*')) {
    throw new NightloadError(
      'SOURCE_PATTERN_INVALID',
      'A source may have * in its last name only, such as s3://bucket/night/*.csv. A file whose name has a * is written with %2A.',
    );
  }
  if (pattern !== '' && !pattern.includes('*')) {
    const file = new ForeignFile(await roots.pathOf(uri));
    return { location: file.path, files: [file], isMany: false };
  }
  const folder = await roots.pathOf(folderUri);
  const location = pattern === '' ? folder : join(folder, pattern);
  const entries = await listFolder(folder, MAX_NAMES);
  const matches = matcher(pattern);
  const names = entries.filter(({ name, isFile }) => isFile && matches(name)).map(({ name }) => name);
  if (names.length > MAX_FILES || entries.length === MAX_NAMES) {
    throw new NightloadError(
      'TOO_MANY_FILES',
      `${shownPath(location)} has more than ${MAX_FILES} files. Put the files of one load into a folder of its own, or join them.`,
    );
  }
  if (names.length === 0) {
    throw new NightloadError('SOURCE_NOT_FOUND', `The worker finds no file in ${shownPath(location)}.`);
  }
  return { location, files: names.sort().map((name) => new ForeignFile(join(folder, name))), isMany: true };
}

/** Marks of other programs, such as `_SUCCESS`, and hidden files are no data. */
function matcher(pattern: string): (name: string) => boolean {
  if (pattern === '') return (name) => !/^[._]/.test(name);
  const [first = '', ...others] = pattern.split('*').map(decodeURIComponent);
  const last = others.pop() ?? '';
  return (name) => {
    if (name.startsWith('.') || !name.startsWith(first)) return false;
    let at = first.length;
    for (const part of others) {
      const found = name.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return name.length - last.length >= at && name.endsWith(last);
  };
}

/** Of many files: changes when one of them does, or when another one comes. */
export async function fingerprintOf({ files, isMany }: SourceFiles): Promise<Fingerprint> {
  const [only] = files;
  if (!isMany) return fingerprint(only as ForeignFile);
  const hash = createHash('sha256');
  const all: Fingerprint = { size: 0, modifiedMs: 0 };
  for (let n = 0; n < files.length; n += AT_A_TIME) {
    const some = files.slice(n, n + AT_A_TIME);
    for (const [index, found] of (await Promise.all(some.map(fingerprint))).entries()) {
      const { size, modifiedMs, etag = modifiedMs } = found;
      hash.update(JSON.stringify([basename((some[index] as ForeignFile).path), size, etag]));
      all.size += size;
      all.modifiedMs = Math.max(all.modifiedMs, modifiedMs);
    }
  }
  return { ...all, etag: hash.digest('hex') };
}

/** Whether the source is still what it was: a folder is listed again. */
export async function isUnchanged(roots: Locating, uri: string, before: Fingerprint): Promise<boolean> {
  return sameFingerprint(await fingerprintOf(await sourceFiles(roots, uri)), before);
}

/** Opens a single file once for all reads in `body`; each of many is opened when its turn comes. */
export function holdingSource<T>(source: SourceFiles, body: (held: SourceFiles) => Promise<T>): Promise<T> {
  const [only] = source.files;
  if (source.isMany || only === undefined) return body(source);
  return holding(only, (held) => body({ ...source, files: [held] }));
}

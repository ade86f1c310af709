/**
 * Where files of a load lie: an absolute path of this machine, or the place of an object in a store, `s3://bucket/key`,
 * whose key is not encoded as it is in a URI. Both are texts with names between separators, so that steps name their files without knowing where they lie.
 */
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The schemes of stores that are not this machine's file system. */
const OBJECT = /^s3:\/\//;

/** Whether a location, or a URI, names an object or a prefix in a store. */
export function isObject(location: string): boolean {
  return OBJECT.test(location);
}

export function join(folder: string, ...names: string[]): string {
  if (!isObject(folder)) return path.join(folder, ...names);
  return [folder.replace(/\/$/, ''), ...names].join('/');
}

/** The folder that a location lies in; a bucket lies in itself, as the root folder does. */
export function dirname(location: string): string {
  if (!isObject(location)) return path.dirname(location);
  const above = location.slice(0, location.lastIndexOf('/'));
  return above.endsWith('/') || !above.includes('://') ? location : above;
}

export function basename(location: string): string {
  return isObject(location) ? location.slice(location.lastIndexOf('/') + 1) : path.basename(location);
}

/** The names of a location, from the root; joined by {@link separatorOf}, they are the location again. */
export function separatorOf(location: string): string {
  return isObject(location) ? '/' : path.sep;
}

/** Whether it is a folder, or lies in it at any depth. */
export function isBelow(location: string, folder: string): boolean {
  const separator = separatorOf(folder);
  return location === folder || location.startsWith(folder.endsWith(separator) ? folder : folder + separator);
}

export function uriOf(location: string): string {
  return isObject(location) ? encoded(location) : pathToFileURL(location).href;
}

/** For people: the path of a file, the URI of an object. */
export function pathOrUri(uri: string): string {
  return isObject(uri) ? uri : fileURLToPath(uri);
}

/** In sources, `*` and `{date}` have a meaning of their own; braces are encoded anyway. */
function encoded(location: string): string {
  return encodeURI(location).replace(/[*?#]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A folder's URI with a trailing slash, so that names can be resolved against it. */
export function folderUri(folder: string): string {
  if (isObject(folder)) return encoded(folder.endsWith('/') ? folder : `${folder}/`);
  return pathToFileURL(folder.endsWith(path.sep) ? folder : folder + path.sep).href;
}

/** The prefixes of object stores that a worker may read from and write to: `NIGHTLOAD_S3_ROOTS`. */
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { isBelow } from '../locations.js';

const MAX_ROOTS = 100;
/** S3's limits; a bucket's name is a part of a host name. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,62}$/;
const MAX_KEY_BYTES = 1_024;
/** Names that file systems below a store read in their own way. */
const DOTS: readonly string[] = ['', '.', '..'];

/**
 * Locations without a slash at the end, from prefixes separated by commas: `s3://bucket/night/,s3://other/`.
 * @throws NightloadError `INVALID_S3_ROOTS`
 */
export function objectRootsFrom(env: NodeJS.ProcessEnv): string[] {
  const listed = (env['NIGHTLOAD_S3_ROOTS'] ?? '')
    .split(',')
    .map((root) => root.trim())
    .filter((root) => root !== '');
  return listed.slice(0, MAX_ROOTS + 1).map((root) => {
    const location = root.endsWith('/') ? validLocation(decoded(root)) : undefined;
    if (location !== undefined && listed.length <= MAX_ROOTS) return location;
    throw new NightloadError(
      'INVALID_S3_ROOTS',
      `NIGHTLOAD_S3_ROOTS contains ${shownPath(root)}. It must be a list of at most ${MAX_ROOTS} prefixes, separated by commas, each in the ` +
        'form s3://bucket/prefix/ or s3://bucket/, with a slash at its end.',
    );
  });
}

/** Undefined if an escape is invalid. */
function decoded(uri: string): string | undefined {
  try {
    return decodeURIComponent(uri);
  } catch {
    return undefined;
  }
}

/** Without a slash at the end; undefined if it cannot be one of an object or a prefix. */
function validLocation(location: string | undefined): string | undefined {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(location ?? '') ?? [];
  const name = key.endsWith('/') ? key.slice(0, -1) : key;
  if (!BUCKET.test(bucket) || Buffer.byteLength(name) > MAX_KEY_BYTES || hasControls(name)) return undefined;
  if (name === '') return key === '' ? `s3://${bucket}` : undefined;
  return name.split('/').some((one) => DOTS.includes(one)) ? undefined : `s3://${bucket}/${name}`;
}

function hasControls(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

/** The location that a URI names. @throws NightloadError `INVALID_S3_URI` */
export function objectOf(uri: string): string {
  return validLocation(decoded(uri)) ?? invalid(uri);
}

function invalid(uri: string): never {
  throw new NightloadError(
    'INVALID_S3_URI',
    `${shownPath(uri)} is not a valid S3 URI. Use the form s3://bucket/key, with a space as %20 and a percent sign as %25, and ` +
      'without empty names, "." or ".." between slashes.',
  );
}

/**
 * A location that may be used, without a slash at its end.
 * @throws NightloadError `INVALID_S3_URI`, `S3_NOT_ENABLED`, `S3_OUTSIDE_ROOTS`
 */
export function checkedObject(given: string, roots: readonly string[]): string {
  const location = validLocation(given) ?? invalid(given);
  if (roots.length === 0) {
    throw new NightloadError(
      'S3_NOT_ENABLED',
      `This worker uses no S3, so it cannot use ${shownPath(location)}. Set its NIGHTLOAD_S3_ROOTS to the prefixes that loads use ` +
        '(s3://bucket/prefix/), and restart it.',
    );
  }
  if (roots.some((root) => isBelow(location, root))) return location;
  throw new NightloadError(
    'S3_OUTSIDE_ROOTS',
    `${shownPath(location)} is outside the prefixes that this worker may use (${roots.map((root) => `${root}/`).join(', ')}). ` +
      'Move the object there, or add its prefix to NIGHTLOAD_S3_ROOTS and restart the worker.',
  );
}

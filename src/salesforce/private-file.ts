/**
 * Files with secrets: they belong to the worker's user or to root, and nobody else reads them, unless
 * `NIGHTLOAD_SECRETS_MODE` says so.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { resolve } from 'node:path';
import { NightloadError } from '../errors.js';

/** Permission bits that a file may not have, by what the setting allows. */
const FORBIDDEN = { '600': 0o077, '640': 0o027, '644': 0o022 } as const;

export type SecretsMode = keyof typeof FORBIDDEN;

/**
 * Where Docker and Kubernetes mount secrets: only root creates something there, and inside of a container nobody else
 * is there to read it. They come with mode 0444 or that of the file on the host.
 */
const MOUNTED_SECRETS = /^(?:\/var)?\/run\/secrets\//;

/** A secret is short; whoever names another file finds out before it fills the memory. */
const MAX_BYTES = 1_000_000;

/** @throws NightloadError `USAGE` */
export function secretsMode(env: Readonly<Record<string, string | undefined>>): SecretsMode {
  const value = env['NIGHTLOAD_SECRETS_MODE']?.trim() || '600';
  const mode = value.replace(/^0/, '');
  if (mode in FORBIDDEN) return mode as SecretsMode;
  throw new NightloadError(
    'USAGE',
    'NIGHTLOAD_SECRETS_MODE must be 600 (the default: only the owner reads files with secrets), 640 (their group too) or 644 (everybody on this machine).',
  );
}

/**
 * The text of a file that only those read who may.
 * @throws NightloadError `SECRETS_READABLE`, and what the file system says
 */
export function readPrivately(path: string, mode: SecretsMode): string {
  // The open file is judged, not a name that may lead elsewhere a moment later.
  const handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = fstatSync(handle);
    const trouble = isMountedSecret(path) ? undefined : troubleOf(stats, mode);
    if (trouble !== undefined) throw readable(path, trouble);
    if (stats.isDirectory()) throw notRead('EISDIR');
    if (!stats.isFile() || stats.size > MAX_BYTES) throw notRead('not a file of a secret');
    return readFileSync(handle, 'utf8');
  } finally {
    closeSync(handle);
  }
}

export function isMountedSecret(path: string): boolean {
  return MOUNTED_SECRETS.test(resolve(path));
}

/** As the file system says it. */
function notRead(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Why others may read it, in words that follow its name. */
export function troubleOf({ mode, uid }: Pick<Stats, 'mode' | 'uid'>, allowed: SecretsMode): string | undefined {
  const own = process.getuid?.();
  // Windows has other rights than these.
  if (own === undefined) return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  if ((mode & FORBIDDEN[allowed]) !== 0) return `has mode ${shown}`;
  return own !== 0 && uid !== own && uid !== 0 ? 'belongs to another user' : undefined;
}

function readable(path: string, trouble: string): NightloadError {
  return new NightloadError(
    'SECRETS_READABLE',
    `${path} ${trouble}, so that others on this machine may read or change it. Close it: chmod 600 (and chown to the worker's user). If a ` +
      'group, or everybody in this container, is meant to read it, set NIGHTLOAD_SECRETS_MODE to 640 or 644.',
  );
}

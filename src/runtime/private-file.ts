/**
 * Files with secrets: they must belong to the worker's user or to root, and be unreadable for others, unless
 * `NIGHTLOAD_SECRETS_MODE` allows it.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { resolve } from 'node:path';
import { NightloadError } from '../errors.js';

/** Forbidden permission bits of a file, by setting. */
const FORBIDDEN = { '600': 0o077, '640': 0o027, '644': 0o022 } as const;

export type SecretsMode = keyof typeof FORBIDDEN;

/**
 * Mount points of Docker and Kubernetes secrets: only root creates files there, and a container has no other users.
 * They have mode 0444 or the mode of the file on the host.
 */
const MOUNTED_SECRETS = /^(?:\/var)?\/run\/secrets\//;

/** A secret is short; any other file is refused before it fills the memory. */
const MAX_BYTES = 1_000_000;

/** @throws NightloadError `USAGE` */
export function secretsMode(env: Readonly<Record<string, string | undefined>>): SecretsMode {
  const value = env['NIGHTLOAD_SECRETS_MODE']?.trim() || '600';
  const mode = value.replace(/^0/, '');
  if (mode in FORBIDDEN) return mode as SecretsMode;
  throw new NightloadError(
    'USAGE',
    'NIGHTLOAD_SECRETS_MODE must be 600 (the default: only the owner reads files with secrets), 640 (also their group) or 644 (all users of this machine).',
  );
}

/**
 * The text of a file that only permitted users can read.
 * @throws NightloadError `SECRETS_READABLE`, and file system errors
 */
export function readPrivately(path: string, mode: SecretsMode): string {
  // Checks the open file, because its name may lead elsewhere a moment later.
  const handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = fstatSync(handle);
    if (stats.isDirectory()) throw notRead('EISDIR');
    if (!stats.isFile() || stats.size > MAX_BYTES) throw notRead('not a secret file');
    const trouble = isMountedSecret(path) ? undefined : troubleOf(stats, mode);
    if (trouble !== undefined) throw readable(path, trouble);
    return readFileSync(handle, 'utf8');
  } finally {
    closeSync(handle);
  }
}

/** Why a file cannot be read, in the file system's word. */
export function fileErrorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

export function isMountedSecret(path: string): boolean {
  return MOUNTED_SECRETS.test(resolve(path));
}

/** In the file system's wording. */
function notRead(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Why others may read it, as text that follows its name. */
export function troubleOf({ mode, uid }: Pick<Stats, 'mode' | 'uid'>, allowed: SecretsMode): string | undefined {
  const own = process.getuid?.();
  // Windows has a different permission model.
  if (own === undefined) return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  if ((mode & FORBIDDEN[allowed]) !== 0) return `has mode ${shown}`;
  return own !== 0 && uid !== own && uid !== 0 ? 'belongs to another user' : undefined;
}

function readable(path: string, trouble: string): NightloadError {
  return new NightloadError(
    'SECRETS_READABLE',
    `${path} ${trouble}, so other users of this machine may read or change it. Restrict it: chmod 600 (and chown to the worker's user). If a ` +
      'group, or every user in this container, is meant to read it, set NIGHTLOAD_SECRETS_MODE to 640 or 644.',
  );
}

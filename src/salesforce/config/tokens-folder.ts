/** Where refresh tokens that an org rotates are kept. */
import { resolve } from 'node:path';
import type { Environment } from './connection-settings.js';

/** Folder for rotated refresh tokens: next to the file, unless another one is named. */
export function tokensFolder(env: Environment, file?: string): string | undefined {
  const named = env['NIGHTLOAD_TOKENS']?.trim();
  if (named) return resolve(named);
  return file === undefined ? undefined : `${file}.tokens`;
}

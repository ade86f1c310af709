/** Where a path leads once the links in it are resolved, also when its end does not exist yet. */
import { realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { NightloadError } from './errors.js';

/**
 * Resolves links in the part of a path that exists.
 * @throws NightloadError `SOURCE_NOT_READABLE`
 */
export async function realOrPlanned(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    const parent = dirname(absolute);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || parent === absolute) {
      throw new NightloadError(
        'SOURCE_NOT_READABLE',
        `${path.slice(0, 200)} cannot be reached (${code ?? 'unknown'}).`,
        { cause: error },
      );
    }
    return join(await realOrPlanned(parent), absolute.slice(parent.length));
  }
}

/** How large a packed source may become: a gzip file of 1 MB may hold 1 GB, and nothing in it says so. */
import { NightloadError } from '../errors.js';

/**
 * 50 GB: some 50 million rows of 1 KB, more than loads in one night through most orgs. Whoever loads more in one file says so.
 */
export const DEFAULT_MAX_UNPACKED = 50_000_000_000;

const UNITS = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 } as const;

/**
 * Bytes, from `NIGHTLOAD_MAX_UNPACKED`: `50GB`, `500MB`.
 * @throws NightloadError `INVALID_MAX_UNPACKED`
 */
export function maxUnpackedFrom(env: NodeJS.ProcessEnv): number {
  const text = (env['NIGHTLOAD_MAX_UNPACKED'] ?? '').trim();
  if (text === '') return DEFAULT_MAX_UNPACKED;
  const [, number, unit = 'b'] = /^(\d{1,15}(?:\.\d{1,3})?) ?(b|kb|mb|gb|tb)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * UNITS[unit.toLowerCase() as keyof typeof UNITS]);
  if (bytes > 0) return bytes;
  throw new NightloadError('INVALID_MAX_UNPACKED', 'NIGHTLOAD_MAX_UNPACKED must be a size such as 50GB or 500MB.');
}

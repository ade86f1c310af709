/**
 * Limits the unpacked size of a source: a gzip file of 1 MB may expand to 1 GB, and does not reveal its unpacked size.
 */
import { NightloadError } from '../errors.js';

/** 50 GB: about 50 million rows of 1 KB, more than most orgs can load in one night. The setting allows more. */
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

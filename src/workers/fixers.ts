/** Other programs' activities that loads may name as fixers: `NIGHTLOAD_FIXERS`. */
import { NightloadError } from '../errors.js';

/** @throws NightloadError `USAGE` */
export function fixersFrom(env: Readonly<Record<string, string | undefined>>): Set<string> {
  const names = (env['NIGHTLOAD_FIXERS'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return checkedFixers(names, 'NIGHTLOAD_FIXERS');
}

/** @throws NightloadError `USAGE` */
export function checkedFixers(names: Iterable<string>, setting: string): Set<string> {
  const fixers = new Set(names);
  for (const name of fixers) {
    if (!/^[^@,]+@[^,]+$/.test(name)) {
      throw new NightloadError('USAGE', `${setting}: specify each fixer as activity@taskQueue.`);
    }
  }
  return fixers;
}

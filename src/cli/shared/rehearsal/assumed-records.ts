/** A captured org has no records: those that rows refer to are assumed to exist, unless a file gives an object its own. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NightloadError } from '../../../errors.js';

/** Objects that every simulated org has. */
const SYSTEM_OBJECTS = ['User', 'Group'];

/**
 * @param org the folder that describes it
 * @param seeds files of records by object
 * @returns objects whose records are assumed
 * @throws NightloadError `USAGE`
 */
export async function assumedObjects(org: string, seeds: Readonly<Record<string, string>>): Promise<string[]> {
  const files = await readdir(join(org, 'objects')).catch(() => {
    throw new NightloadError('USAGE', `--org ${org}: there is no folder "objects" in it (nightload org capture).`);
  });
  const described = files.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  const seeded = new Set(Object.keys(seeds).map((name) => name.toLowerCase()));
  return [...described, ...SYSTEM_OBJECTS].filter((name) => !seeded.has(name.toLowerCase()));
}

/** Finds the store of a location. Its library is loaded with the first object, so that workers without one need none. */
import type { ObjectStore } from './object-store.js';

/** By URI scheme. */
const STORES: Readonly<Record<string, () => Promise<ObjectStore>>> = {
  s3: async () => (await import('../s3/s3-store.js')).openS3(process.env),
};

const opened = new Map<string, Promise<ObjectStore>>();

/** One per scheme and process: it holds the connections. */
export function storeOf(location: string): Promise<ObjectStore> {
  const scheme = location.slice(0, location.indexOf(':'));
  const known = opened.get(scheme);
  if (known !== undefined) return known;
  const opening = STORES[scheme]?.() ?? Promise.reject(new TypeError(`no store for ${scheme}:`));
  opened.set(scheme, opening);
  // A wrong setting is reported each time.
  opening.catch(() => opened.delete(scheme));
  return opening;
}

/** Removes a folder with its content. Node's own `rm` uses paths: it would follow a link that replaces a folder. */
import { join } from 'node:path';
import type { Folder } from './folder.js';
import { swapped } from './folder-errors.js';

/** Deeper than any folder that a load makes. */
const MAX_DEPTH = 64;
const REMOVED_AT_A_TIME = 1_000;

/** Removes what has this name in a folder, if anything has; links are removed, not followed. */
export async function removeTree(parent: Folder, name: string, depth = 0): Promise<void> {
  if (depth > MAX_DEPTH) throw swapped(join(parent.path, name));
  const kind = await parent.kindOf(name);
  if (kind === undefined) return;
  if (kind !== 'folder') return parent.remove(name);
  const folder = await parent.openFolder(name);
  await folder.use(async () => {
    for (let left = await folder.entries(REMOVED_AT_A_TIME); left.length > 0;) {
      for (const entry of left) await removeTree(folder, entry.name, depth + 1);
      left = await folder.entries(REMOVED_AT_A_TIME);
    }
  });
  await parent.removeIfEmpty(name);
}

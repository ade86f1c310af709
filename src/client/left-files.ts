/** Which files of an earlier load with rows that did not land are still there, as far as this machine can see. */
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BulkLoadResult } from '../contract/load-result.js';
import type { LeftFile } from '../domain/text/again-advice.js';

export async function leftFiles({ files }: Pick<BulkLoadResult, 'files'>): Promise<LeftFile[]> {
  const left: LeftFile[] = [];
  for (const kind of ['rejected', 'unprocessed'] as const) {
    const uri = files[kind];
    if (uri !== undefined) left.push({ kind, state: await stateOf(uri) });
  }
  return left;
}

async function stateOf(uri: string): Promise<LeftFile['state']> {
  if (!uri.startsWith('file:///')) return 'unknown';
  try {
    const path = fileURLToPath(uri);
    if (await isSeen(path)) return 'there';
    // Without the folder it is another machine's file.
    return (await isSeen(dirname(path))) ? 'removed' : 'unknown';
  } catch {
    return 'unknown';
  }
}

async function isSeen(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

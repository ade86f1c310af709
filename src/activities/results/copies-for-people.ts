/** Writes copies of result files for spreadsheets next to them, if the load asks for them (`defuse`). */
import { defused } from '../../csv/defuse-formulas.js';
import { join, uriOf } from '../../storage/locations.js';
import { readRange } from '../../storage/read-files.js';
import { removeFile } from '../../storage/files/file-tree.js';
import { saveStream } from '../../storage/write-files.js';
import { ForeignFile } from '../../storage/files/file-ref.js';
import { copyName } from '../../domain/result-layout.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';

/**
 * Removes the copy of an earlier attempt if it is no longer wanted.
 * @param wanted there is such a file, and the load asks for its copy
 * @returns `file:` URI of the copy
 */
export async function copyForPeople(
  folder: string,
  kind: 'rejected' | 'unprocessed' | 'changes',
  wanted: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const target = join(folder, copyName(RESULT_NAMES[kind]));
  if (!wanted) {
    await removeFile(target);
    return undefined;
  }
  const source = new ForeignFile(join(folder, RESULT_NAMES[kind]));
  await saveStream(defused(readRange(source, 0)), target, signal, { shared: true });
  return uriOf(target);
}

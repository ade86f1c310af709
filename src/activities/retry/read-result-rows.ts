/** Reads the result files of a part, row by row. */
import { readResultRows, readUnprocessedRows, resultDelimiter } from '../../rows/result-file.js';
import type { ResultRow } from '../../rows/result-file.js';
import { readHead, readRange } from '../../storage/read-files.js';
import { isThere } from '../../storage/files/file-tree.js';
import { partFiles } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

export type ResultFileKind = 'succeeded' | 'failed' | 'unprocessed';

export interface StageFiles {
  plan: StagePlan;
  stageFolder: string;
  signal: AbortSignal;
}

export async function* resultRows(
  { plan, stageFolder, signal }: StageFiles,
  part: number,
  kind: ResultFileKind,
): AsyncGenerator<ResultRow> {
  const path = partFiles(stageFolder, part)[kind];
  if (!(await isThere(path))) return;
  const unprocessed = kind === 'unprocessed';
  const first = unprocessed ? (plan.names[0] as string) : 'sf__Id';
  const delimiter = resultDelimiter(await readHead(path, 4096), first, plan.delimiter);
  const read = unprocessed ? readUnprocessedRows : readResultRows;
  yield* read(readRange(path, 0, undefined, signal), delimiter, plan.names);
}

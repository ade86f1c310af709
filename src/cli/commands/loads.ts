/** `nightload pause`, `resume` and `results`. */
import { findLoad, resultIn, unreadableResultIn } from '../../client/load-handle.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { reachableId } from '../../domain/load-ids.js';
import { defused } from '../../csv/defuse-formulas.js';
import { NightloadError } from '../../errors.js';
import { ForeignFile } from '../../storage/files/file-ref.js';
import { readRange } from '../../storage/read-files.js';
import { uriOf } from '../../storage/locations.js';
import { saveStream } from '../../storage/write-files.js';
import { copyName } from '../../domain/result-layout.js';
import { printJson, say } from '../shared/output.js';
import { findOwnResult, notReadable } from '../shared/local-files.js';
import { RESULT_EXIT_CODES } from '../shared/exit-codes.js';
import { printResult } from '../shared/result/print-result.js';
import { ONE_ANSWER, withClient } from '../temporal/connect.js';
import { unreadableResult } from './status.js';

interface JsonOption {
  json?: boolean;
}

/** Sends `pause` or `resume`. */
export async function signal(name: 'pause' | 'resume', id: string, options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const { handle, description, loadId } = await findLoad(client, id);
    const { workflowId, runId, status } = description;
    if (status.name !== 'RUNNING') {
      throw new NightloadError('LOAD_NOT_RUNNING', `${workflowId} has already ended (${status.name}).`);
    }
    await handle[name]();
    say(
      name === 'pause'
        ? `${workflowId}: paused. Running jobs continue; no new one starts until \`nightload resume ${reachableId(workflowId)}\`.`
        : `${workflowId}: resumed.`,
    );
    if (options.json === true) {
      printJson({ loadId, workflowId, runId, state: name === 'pause' ? 'Paused' : 'Running' });
    }
    return 0;
  }, ONE_ANSWER);
}

/** Shows where the result files of an ended load are. */
export async function results(id: string, options: JsonOption & { defuse?: boolean }): Promise<number> {
  const { description } = await withClient((client) => findLoad(client, id), ONE_ANSWER);
  const result = resultIn(description);
  const hidden = unreadableResultIn(description);
  if (hidden !== undefined) throw unreadableResult(description, hidden);
  if (result === undefined) {
    throw new NightloadError(
      'NO_RESULT_YET',
      `${description.workflowId} has no readable result (${description.status.name}). Check it with: nightload status ${id}`,
    );
  }
  if (options.defuse === true) result.files.forPeople = await copiesForPeople(result);
  await printResult(result);
  if (options.json === true) printJson(result);
  return RESULT_EXIT_CODES[result.state];
}

/** Writes the copies next to the files: only possible where this command sees the folder. */
async function copiesForPeople(result: BulkLoadResult): Promise<NonNullable<BulkLoadResult['files']['forPeople']>> {
  const copies: NonNullable<BulkLoadResult['files']['forPeople']> = {};
  for (const kind of ['rejected', 'unprocessed', 'changes'] as const) {
    const file = await findOwnResult(result, kind);
    if (file === undefined) continue;
    const target = copyName(file);
    try {
      await saveStream(defused(readRange(new ForeignFile(file), 0)), target, undefined, { shared: true });
    } catch (error) {
      const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
      throw notReadable(file, code, error);
    }
    copies[kind] = uriOf(target);
  }
  return copies;
}

/** `nightload pause`, `resume`, `results` and `list`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { tolerantClient, unreadable } from '../../codec/read-payloads.js';
import { findLoad, resultIn, unreadableResultIn } from '../../load-handle.js';
import { RESULT_MEMO } from '../../contract.js';
import type { BulkLoadResult } from '../../contract.js';
import { loadIdOf, reachableId } from '../../domain/load-ids.js';
import { defused } from '../../csv/defuse.js';
import { NightloadError } from '../../errors.js';
import { readRange, saveStream } from '../../storage/files.js';
import { printJson, say } from '../failure.js';
import { EXIT_CODES, printResult } from '../report.js';
import { withClient } from '../temporal.js';
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
      throw new NightloadError('LOAD_NOT_RUNNING', `${workflowId} has ended already (${status.name}).`);
    }
    await handle[name]();
    say(
      name === 'pause'
        ? `${workflowId}: paused. Running jobs go on; no new one is started until \`nightload resume ${reachableId(workflowId)}\`.`
        : `${workflowId}: goes on.`,
    );
    if (options.json === true) {
      printJson({ loadId, workflowId, runId, state: name === 'pause' ? 'Paused' : 'Running' });
    }
    return 0;
  });
}

/** Where the result files of an ended load lie. */
export async function results(id: string, options: JsonOption & { defuse?: boolean }): Promise<number> {
  return withClient(async (client) => {
    const { description } = await findLoad(client, id);
    const result = resultIn(description);
    const hidden = unreadableResultIn(description);
    if (hidden !== undefined) throw unreadableResult(description, hidden);
    if (result === undefined) {
      throw new NightloadError(
        'NO_RESULT_YET',
        `${description.workflowId} has no result (${description.status.name}). Look at it with: nightload status ${id}`,
      );
    }
    if (options.defuse === true) result.files.forPeople = await copiesForPeople(result.files);
    await printResult(result);
    if (options.json === true) printJson(result);
    return EXIT_CODES[result.state];
  });
}

/** Writes them beside the files: only where this command sees the folder. */
async function copiesForPeople(files: BulkLoadResult['files']): Promise<NonNullable<typeof files.forPeople>> {
  const copies: NonNullable<typeof files.forPeople> = {};
  for (const kind of ['rejected', 'unprocessed', 'changes'] as const) {
    const uri = files[kind];
    if (uri === undefined) continue;
    const path = fileURLToPath(uri);
    const target = path.replace(/\.csv$/, '-for-people.csv');
    try {
      await saveStream(defused(readRange(path, 0)), target);
    } catch (error) {
      const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
      throw new NightloadError(
        'RESULT_NOT_READABLE',
        `${path} cannot be copied here (${code}). Run the command where the folder of the results is seen, or load with --defuse.`,
        { cause: error },
      );
    }
    copies[kind] = pathToFileURL(target).href;
  }
  return copies;
}

/** The newest loads, those that parents started too. */
export async function list(options: JsonOption & { limit: number }): Promise<number> {
  return withClient(async (client) => {
    const newest: WorkflowExecutionInfo[] = [];
    // A load that continued as new has several runs: the newest one stands for it.
    const query = "WorkflowType = 'bulkLoad' AND ExecutionStatus != 'ContinuedAsNew'";
    for await (const load of tolerantClient(client).workflow.list({ query })) {
      newest.push(load);
      if (newest.length >= options.limit) break;
    }
    // The server gives those that run first, then those that ended last.
    newest.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
    const hidden = newest.flatMap(({ memo }) => unreadable(memo?.[RESULT_MEMO]) ?? []);
    const found = newest.map((load) => {
      const result = resultIn(load);
      const why = unreadableResultIn(load);
      const state = load.status.name === 'RUNNING' ? 'Running' : (result?.state ?? load.status.name);
      const { workflowId, runId, startTime } = load;
      const counts =
        why !== undefined
          ? 'result not readable'
          : result === undefined
            ? ''
            : `${result.records.succeeded} of ${result.records.total} rows landed`;
      const loadId = result?.loadId ?? loadIdOf({}, workflowId);
      say(
        `${startTime.toISOString().slice(0, 19)}Z  ${state.padEnd(20)} ${reachableId(workflowId)}  ${counts}`.trimEnd(),
      );
      return {
        ...{ loadId, workflowId, runId, state, startTime, records: result?.records },
        ...(why !== undefined && { error: { code: why.code, message: why.message } }),
      };
    });
    const [first] = hidden;
    if (first !== undefined) {
      say(
        `The results of ${hidden.length} of these ${found.length} loads cannot be read here. ${first.code}: ${first.message}`,
      );
    }
    if (found.length === 0) say('There are no loads in this namespace.');
    if (options.json === true) printJson(found);
    return 0;
  });
}

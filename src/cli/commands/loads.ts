/** `nightload pause`, `resume`, `results` and `list`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Client } from '@temporalio/client';
import { readField } from '../../codec/read-payloads.js';
import { findLoad, resultIn, unreadableResultIn } from '../../client/load-handle.js';
import { RESULT_MEMO } from '../../contract/names.js';
import type { BulkLoadResult, LoadError } from '../../contract/load-result.js';
import { loadIdFrom, reachableId } from '../../domain/load-ids.js';
import { defused } from '../../csv/defuse-formulas.js';
import { readPartOfResult } from '../../client/answers/load-result.js';
import type { PartOfResult } from '../../client/answers/load-result.js';
import { listRuns, statusName } from '../../client/pages.js';
import type { ListedRun } from '../../client/pages.js';
import { plainText } from '../../domain/text/plain-text.js';
import { NightloadError } from '../../errors.js';
import { ForeignFile } from '../../storage/file-ref.js';
import { readRange } from '../../storage/read-files.js';
import { saveStream } from '../../storage/write-files.js';
import { copyName } from '../../domain/result-layout.js';
import { printJson, say } from '../shared/output.js';
import { ownResultFile } from '../shared/local-files.js';
import { EXIT_CODES, printResult } from '../shared/print-result.js';
import { ONE_ANSWER, withClient } from '../temporal/connect.js';
import { unreadableResult } from './status.js';

/** Pages of a list are requested for this long; then what arrived is shown. */
const LIST_LIMIT_MS = 20_000;

/** Characters of an id in a list, where each load has one line; Temporal permits more. */
const MAX_ID = 1_000;

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
  return EXIT_CODES[result.state];
}

/** Writes the copies next to the files: only possible where this command sees the folder. */
async function copiesForPeople(result: BulkLoadResult): Promise<NonNullable<BulkLoadResult['files']['forPeople']>> {
  const copies: NonNullable<BulkLoadResult['files']['forPeople']> = {};
  for (const kind of ['rejected', 'unprocessed', 'changes'] as const) {
    const uri = result.files[kind];
    if (uri === undefined) continue;
    const path = await ownResultFile(result, kind);
    if (path === undefined) {
      throw notCopied(fileURLToPath(uri), 'it is not here, or not in a folder that belongs to this load');
    }
    const target = copyName(path);
    try {
      await saveStream(defused(readRange(new ForeignFile(path), 0)), target, undefined, { shared: true });
    } catch (error) {
      const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
      throw notCopied(path, code, error);
    }
    copies[kind] = pathToFileURL(target).href;
  }
  return copies;
}

function notCopied(path: string, why: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'RESULT_NOT_READABLE',
    `${path} cannot be copied here (${why}). Run the command on a host with access to the results folder, or load with --defuse.`,
    { cause },
  );
}

/** A load in the list, and its line. */
interface ListedLoad {
  loadId: string;
  workflowId: string;
  runId: string;
  state: string;
  startTime: Date;
  records?: PartOfResult['records'];
  /** Why its result is not shown. */
  error?: LoadError;
}

/** The newest loads, including those started by parents. */
export async function list(options: JsonOption & { limit: number }): Promise<number> {
  return withClient(async (client) => {
    // A load that continued as new has several runs: the newest one represents it.
    const query = "WorkflowType = 'bulkLoad' AND ExecutionStatus != 'ContinuedAsNew'";
    // Whatever it reads until then is shown.
    const { entries: found, cut } = await client.withDeadline(Date.now() + LIST_LIMIT_MS, () =>
      listRuns(client, query, { limit: options.limit, show: (run) => listedLoad(client, run) }),
    );
    // The server returns running ones first, then those that ended last.
    found.sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
    for (const load of found) say(lineOf(load));
    const hidden = found.flatMap(({ error }) => error ?? []);
    const [first] = hidden;
    if (first !== undefined) {
      say(
        `The results of ${hidden.length} of these ${found.length} loads cannot be read here. ${first.code}: ${first.message}`,
      );
    }
    if (cut !== undefined) say(await notListed(client, { query, missing: options.limit - found.length, cut }));
    else if (found.length === 0) say('This namespace has no loads.');
    if (options.json === true) printJson(found);
    return cut === undefined ? 0 : 1;
  }, ONE_ANSWER);
}

async function listedLoad(client: Client, run: ListedRun): Promise<ListedLoad> {
  const { workflowId: id, runId } = run.execution ?? {};
  const workflowId = id ?? '';
  const { value, error } = await readField(client, run.memo?.fields, { key: RESULT_MEMO, workflowId });
  const result = value === undefined ? undefined : readPartOfResult(value);
  const status = statusName(run.status);
  return {
    loadId: result?.loadId ?? loadIdFrom(workflowId),
    workflowId,
    runId: runId ?? '',
    state: status === 'RUNNING' ? 'Running' : (result?.state ?? status),
    startTime: new Date(Number(run.startTime?.seconds ?? 0) * 1000 + (run.startTime?.nanos ?? 0) / 1e6),
    ...(result !== undefined && { records: result.records }),
    ...(error !== undefined && { error: { code: error.code, message: error.message } }),
  };
}

function lineOf({ startTime, state, workflowId, records, error }: ListedLoad): string {
  const landed = records === undefined ? '' : `${records.succeeded ?? '?'} of ${records.total ?? '?'} rows landed`;
  const counts = error === undefined ? landed : 'result unreadable';
  return `${startTime.toISOString().slice(0, 19)}Z  ${state.padEnd(20)} ${plainText(reachableId(workflowId), MAX_ID)}  ${counts}`.trimEnd();
}

interface NotListed {
  query: string;
  missing: number;
  cut: NightloadError;
}

/** How many loads of the wanted number could not be read, and why. */
async function notListed(client: Client, { query, missing, cut }: NotListed): Promise<string> {
  const total = await client.workflow.count(query).then(
    ({ count }) => count,
    () => undefined,
  );
  const number = total === undefined ? 'Other' : String(Math.min(missing, total));
  return `${number} more loads could not be listed. ${cut.code}: ${cut.message}`;
}

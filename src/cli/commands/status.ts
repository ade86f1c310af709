/** `nightload status` and `nightload cancel`. */
import type { CodecError } from '../../codec/codec-error.js';
import { findLoad, resultIn, unreadableResultIn } from '../../client/load-handle.js';
import type { FoundLoad } from '../../client/load-handle.js';
import { MAX_LISTED_JOBS } from '../../contract/load-result.js';
import type { BulkLoadResult, JobSummary } from '../../contract/load-result.js';
import type { LoadProgress, LoadSoFar } from '../../contract/load-progress.js';
import { NightloadError } from '../../errors.js';
import { shownInput } from '../../client/original-input.js';
import type { ShownInput } from '../../client/answers/shown-input.js';
import { printJson, say } from '../shared/output.js';
import { isUnreadable, queryLoad } from '../temporal/query-load.js';
import { versionOfLoad } from '../shared/stuck-loads/worker-versions.js';
import { connectionOf, filesPlaceOf, queueLine, queueStates } from '../shared/stuck-loads/task-queues.js';
import { printResult } from '../shared/result/print-result.js';
import { screenSize } from '../shared/progress/screen.js';
import { statusLines } from '../shared/result/status-lines.js';
import type { Status } from '../shared/result/status-lines.js';
import { ONE_ANSWER, withClient } from '../temporal/connect.js';
import { pendingFailureLine, pendingFailures } from '../shared/stuck-loads/pending-failures.js';

/** A load may have many children; what else is known is shown without their failures. */
const FAILURES_LIMIT_MS = 10_000;

export async function status(id: string, options: { json?: boolean }): Promise<number> {
  const ended = await withClient(async (client) => {
    const load = await findLoad(client, id);
    const { handle, description } = load;
    if (description.status.name !== 'RUNNING') return endedResult(description);
    let hidden: NightloadError | undefined;
    const noteHidden = (error: unknown): undefined => {
      if (isUnreadable(error)) hidden ??= error;
    };
    const progress = await queryLoad(client, () => handle.progress(), noteHidden);
    const input = await shownInput(client, description).catch(noteHidden);
    const soFar = progress && (await queryLoad(client, () => handle.soFar(), noteHidden));
    const place = filesPlaceOf(description);
    const [pending, queues] = await Promise.all([
      client
        .withDeadline(Date.now() + FAILURES_LIMIT_MS, () => pendingFailures(client, handle.workflowId))
        .catch(noteHidden),
      queueStates(client, {
        taskQueue: description.taskQueue,
        ...place,
        connection: connectionOf(input),
        version: versionOfLoad(description),
      }),
    ]);
    const queueLines = [
      ...new Set(queues.filter(({ service }) => service !== 'served').map((state) => queueLine(state))),
    ];
    const { failures: troubles, more } = pending ?? { failures: [], more: 0 };
    const stuck = troubles.find(({ task }) => task !== undefined);
    // What the load cannot report itself is found from outside.
    const outside = stuck === undefined ? queueLines[0] : pendingFailureLine(stuck);
    const found = runningStatus(load, input, progress, soFar);
    if (hidden !== undefined) {
      say(`${hidden.code}: ${hidden.message}`);
      found.error = { code: hidden.code, message: hidden.message };
    } else if (progress === undefined) {
      const why = stuck === undefined ? 'No worker answers' : 'No worker can run the load, so it does not answer';
      say(`${why}; the following was known when it started.`);
    }
    const failures = { lines: troubles.map(pendingFailureLine), more };
    const view = { status: found, startTime: description.startTime, progress, failures, queues: queueLines };
    for (const line of statusLines(view, screenSize(process.stderr), Date.now())) say(line);
    if (found.waitingFor === undefined && outside !== undefined) found.waitingFor = outside;
    if (options.json === true) printJson(found);
    return undefined;
  }, ONE_ANSWER);
  // Its files may be large, so they are read without that limit.
  if (ended !== undefined) await printResult(ended);
  if (ended !== undefined && options.json === true) printJson(ended);
  return 0;
}

function endedResult(description: FoundLoad['description']): BulkLoadResult {
  const { workflowId, status: found } = description;
  const result = resultIn(description);
  const hidden = unreadableResultIn(description);
  if (hidden !== undefined) throw unreadableResult(description, hidden);
  if (result !== undefined) return result;
  throw new NightloadError(
    'LOAD_TERMINATED',
    `${workflowId} was ended by someone other than nightload (${found.name}) and left no readable result. Its children abort their jobs.`,
  );
}

/** The error for a load whose result cannot be read here; also used by `results`. */
export function unreadableResult(
  { workflowId, status }: FoundLoad['description'],
  { code, message }: CodecError,
): NightloadError {
  return new NightloadError(
    code,
    `${workflowId} has ended (${status.name}), but its result cannot be read here. ${message}`,
  );
}

function runningStatus(
  { description: { workflowId, runId }, loadId }: FoundLoad,
  input: ShownInput | undefined,
  progress: LoadProgress | undefined,
  soFar: LoadSoFar | undefined,
): Status {
  const nothing = { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 };
  const { records = nothing, rejectedFile: _shown, ...rest } = progress ?? {};
  const operation = input?.operation ?? 'upsert';
  const running: JobSummary[] = (progress?.parts ?? []).flatMap(({ jobId, total, failed }) =>
    jobId === undefined ? [] : [{ id: jobId, operation, state: 'InProgress', records: total, failed, polls: 0 }],
  );
  return {
    loadId,
    workflowId,
    runId,
    state: progress?.paused === true ? 'Paused' : progress?.phase === 'holding' ? 'Holding' : 'Running',
    object: input?.object ?? '',
    operation,
    records,
    balanced: false,
    retry: { rounds: 0, recovered: 0, rerendered: 0 },
    apiRequests: 0,
    files: { succeeded: [] },
    ...soFar,
    jobs: [...running, ...(soFar?.jobs ?? [])].slice(0, MAX_LISTED_JOBS),
    jobsTotal: running.length + (soFar?.jobsTotal ?? 0),
    ...rest,
  };
}

export async function cancel(id: string, options: { json?: boolean }): Promise<number> {
  return withClient(async (client) => {
    const { handle, description, loadId } = await findLoad(client, id);
    const { workflowId, runId, status: found } = description;
    if (found.name !== 'RUNNING') {
      throw new NightloadError('LOAD_NOT_RUNNING', `${workflowId} has already ended (${found.name}).`);
    }
    await handle.cancel();
    say(
      `${workflowId}: canceling. It aborts unfinished jobs and counts what landed; nightload status shows the result.`,
    );
    if (options.json === true) printJson({ loadId, workflowId, runId, state: 'Running' });
    return 0;
  }, ONE_ANSWER);
}

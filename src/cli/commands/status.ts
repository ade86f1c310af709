/** `nightload status` and `nightload cancel`. */
import { CodecError } from '../../codec/codec-error.js';
import { findLoad, resultIn, unreadableResultIn } from '../../load-handle.js';
import type { FoundLoad } from '../../load-handle.js';
import { MAX_LISTED_JOBS } from '../../contract.js';
import type {
  BulkLoadInput,
  BulkLoadResult,
  JobSummary,
  LoadProgress,
  LoadSoFar,
  StatusState,
} from '../../contract.js';
import { NightloadError } from '../../errors.js';
import { firstInput } from '../../start-input.js';
import { printJson, say } from '../failure.js';
import { queryProgress } from '../follow.js';
import { filesPlaceOf, queueLine, queueStates } from '../pollers.js';
import { printResult } from '../report.js';
import { withClient } from '../temporal.js';
import { troubleLine, troublesOf } from '../troubles.js';

type Status = Omit<BulkLoadResult, 'state'> & { state: StatusState } & Partial<Omit<LoadProgress, 'records'>>;

export async function status(id: string, options: { json?: boolean }): Promise<number> {
  return withClient(async (client) => {
    const load = await findLoad(client, id);
    const { handle, description } = load;
    if (description.status.name !== 'RUNNING') {
      const result = resultIn(description);
      const hidden = unreadableResultIn(description);
      if (hidden !== undefined) throw unreadableResult(description, hidden);
      if (result === undefined) {
        throw new NightloadError(
          'LOAD_TERMINATED',
          `${handle.workflowId} was ended from outside (${description.status.name}) and left no result. Its children abort their jobs.`,
        );
      }
      await printResult(result);
      if (options.json === true) printJson(result);
      return 0;
    }
    let hidden: CodecError | undefined;
    const noteHidden = (error: unknown): undefined => {
      if (error instanceof CodecError) hidden ??= error;
    };
    const progress = await queryProgress(client, handle, noteHidden);
    const input = await firstInput(client, description).catch(noteHidden);
    const soFar = progress === undefined ? undefined : await handle.soFar().catch(() => undefined);
    const place = filesPlaceOf(description);
    const [troubles, queues] = await Promise.all([
      troublesOf(client, handle.workflowId),
      queueStates(client, { taskQueue: description.taskQueue, ...place }),
    ]);
    const queueLines = queues
      .filter(({ attendance }) => attendance !== 'served')
      .map((state) => queueLine(state, state.queue === place.filesQueue));
    const stuck = troubles.find(({ task }) => task !== undefined);
    // What the load cannot say of itself is known from outside of it.
    const outside = stuck === undefined ? queueLines[0] : troubleLine(stuck);
    const found = runningStatus(load, input, progress, soFar);
    if (hidden !== undefined) {
      say(`${hidden.code}: ${hidden.message}`);
      found.error = { code: hidden.code, message: hidden.message };
    } else if (progress === undefined) {
      const why = stuck === undefined ? 'No worker answers' : 'No worker can run the load, so it does not answer';
      say(`${why}; what is known is from its start.`);
    }
    printRunning(found, description.startTime, progress !== undefined);
    for (const trouble of troubles) say(`  ${troubleLine(trouble)}`);
    for (const line of queueLines) say(`  ${line}`);
    if (found.waitingFor === undefined && outside !== undefined) found.waitingFor = outside;
    if (options.json === true) printJson(found);
    return 0;
  });
}

/** Also for `results`: whether the load ended well is written where it cannot be read. */
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
  input: BulkLoadInput | undefined,
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

function printRunning(found: Status, startTime: Date, answers: boolean): void {
  const { records } = found;
  say(
    `${found.workflowId}: ${found.state}${found.phase === undefined ? '' : `, ${found.phase}`}, since ${startTime.toISOString()}`,
  );
  say(
    `  ${found.object === '' ? 'what it loads cannot be read here' : `${found.operation} ${found.object}`}: ${answers ? `${records.total} rows, ${records.succeeded} landed so far` : 'how many rows have landed is not known now'}`,
  );
  for (const part of (found.parts ?? []).filter(({ phase }) => phase !== 'done' && phase !== 'waiting')) {
    say(
      `  part ${part.n}: ${part.phase}${part.jobId === undefined ? '' : `, job ${part.jobId}`}, ${part.processed} of ${part.total}`,
    );
  }
  if (found.waitingFor !== undefined) say(`  waits for: ${found.waitingFor}`);
  if (found.files.rejected !== undefined) say(`  rejected rows: ${found.files.rejected}`);
}

export async function cancel(id: string, options: { json?: boolean }): Promise<number> {
  return withClient(async (client) => {
    const { handle, description, loadId } = await findLoad(client, id);
    const { workflowId, runId, status: found } = description;
    if (found.name !== 'RUNNING') {
      throw new NightloadError('LOAD_NOT_RUNNING', `${workflowId} has ended already (${found.name}).`);
    }
    await handle.cancel();
    say(
      `${workflowId}: asked to end. It aborts what is not finished and counts what landed; nightload status shows the end.`,
    );
    if (options.json === true) printJson({ loadId, workflowId, runId, state: 'Running' });
    return 0;
  });
}

/** A part's side of the ledger: it asks before its job is created, says that it lives, and settles what it used. */
import type { SignalDefinition } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { AllocationAnswer } from '../../activities/allocation.js';
import { isTerminal } from '../../contract.js';
import type { JobLook } from '../../activities/types.js';
import type { IngestJobInput, JobRun } from '../job-run.js';
import { asking } from '../steps.js';
import { count } from '../words.js';
import { giveBackSignal, learnSignal, renewSignal, settleSignal } from './messages.js';
import { batchesFor } from './state.js';
import type { Amount } from './state.js';
import type { Turn } from './turn-state.js';

/** A ledger that is silent for so long must not stop a load. */
const ANSWER_WITHIN_MS = 120_000;
/** Who waits repeats its request, should a message have been lost or the ledger have been ended by a person. */
const REPEAT_MS = 900_000;
const RENEW_AFTER_MS = 600_000;
const LEAST_PATIENCE_MS = 1_800_000;
const ORDINARY = 3;
/** Codes of refusals that end by themselves as the day rolls on. */
export const USED_UP = ['EXCEEDED_QUOTA', 'REQUEST_LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'];
/** What a job says that failed because the allocation was used up. */
const QUOTA = /ExceededQuota|ApiBatchItems/i;
/** Without a ledger that knows when the window moves. */
const FIRST_WAIT_ALONE_MS = 300_000;
const LONGEST_WAIT_ALONE_MS = 3_600_000;

/** Grants that have come as signals: by request. */
export type Grants = Map<string, { warning?: string }>;

export function isUsedUp(code: string): boolean {
  return USED_UP.includes(code);
}

/**
 * Asks until a job may be created. When no ledger answers, the part goes on without.
 * @param show called when the reason to wait changes
 */
export async function takeTurn(
  input: IngestJobInput,
  run: JobRun,
  grants: Grants,
  show: () => Promise<void>,
): Promise<void> {
  const { turn } = run;
  do {
    turn.asked++;
    // Stays the same over a reset, so that a request of the run before it is not a second one.
    turn.id = `${workflowInfo().firstExecutionRunId}/${turn.asked}`;
    let { answer } = await ask(input, turn);
    while (answer.standing === 'waiting') {
      turn.waitingFor = answer.reason;
      await show();
      const came = await condition(() => grants.has(turn.id ?? ''), REPEAT_MS, { summary: summaryOf(answer.reason) });
      if (came) answer = { standing: 'granted', ...grants.get(turn.id) };
      else {
        // It has been acknowledged: a ledger that is silent now is waited for.
        const repeated = await ask(input, turn);
        if (repeated.answer.standing !== 'unreachable') answer = repeated.answer;
      }
    }
    delete turn.waitingFor;
    if (answer.standing === 'unreachable') {
      warn(
        run,
        `Jobs were created without asking for the org's allocation, because its ledger did not answer: ${answer.why}.`,
      );
      turn.renewedAt = Date.now();
      return;
    }
    turn.granted = answer.standing === 'granted';
    if ('warning' in answer) warn(run, `Part ${input.part}: ${answer.warning}`);
    // Ended: the run before a reset had used that id.
  } while (!turn.granted);
  turn.alone = 0;
  turn.renewedAt = Date.now();
}

function summaryOf(reason: string): string {
  return reason.slice(0, 190);
}

function warn(run: JobRun, warning: string): void {
  if (!run.warnings.includes(warning)) run.warnings.push(warning);
}

async function ask(input: IngestJobInput, turn: Turn): Promise<AllocationAnswer> {
  const { connection, apiVersion, records, operation, object, part, poll } = input;
  const asked = await asking(input.outageMs).askAllocation.executeWithOptions(
    { summary: `${count(records)} records of the org's allocation` },
    [
      {
        id: turn.id as string,
        words: `${operation} ${object}, part ${part}`,
        priority: input.priority ?? ORDINARY,
        records,
        batches: batchesFor(records),
        patienceMs: Math.max(LEAST_PATIENCE_MS, 6 * poll.maximumMs),
        connection,
        apiVersion,
        answerWithinMs: ANSWER_WITHIN_MS,
      },
    ],
  );
  turn.ledger = asked.ledger;
  return asked;
}

/** Says now and then that the job lives. */
export async function renewTurn(run: JobRun): Promise<void> {
  const { turn, last } = run;
  if (Date.now() - turn.renewedAt < RENEW_AFTER_MS) return;
  turn.renewedAt = Date.now();
  await tell(turn, renewSignal, { id: turn.id ?? '', processed: last?.processed ?? 0 });
}

/**
 * Renews while something runs that has no looks between: an upload over a slow line, a create during an outage.
 * Without it the ledger would take the part for gone and hand its slot on.
 */
export async function renewMeanwhile<T>(run: JobRun, work: () => Promise<T>): Promise<T> {
  if (!run.turn.granted) return work();
  const renewing = new CancellationScope();
  const renewal = renewing.run(async () => {
    for (;;) {
      await sleep(RENEW_AFTER_MS, { summary: 'tells the ledger that the job lives' });
      await renewTurn(run);
    }
  });
  const ended = renewal.catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
  });
  try {
    return await work();
  } finally {
    renewing.cancel();
    await ended;
  }
}

export function ranOutOfQuota({ state, errorMessage = '' }: JobLook): boolean {
  return state === 'Failed' && QUOTA.test(errorMessage);
}

/** A job that failed because the allocation is used up: others must know before its results are fetched and counted. */
export async function learnFromFailure({ turn, last, jobId }: JobRun): Promise<void> {
  if (turn.ledger === undefined || last === undefined || last.id !== jobId || !ranOutOfQuota(last)) return;
  const lesson = { code: 'EXCEEDED_QUOTA', id: turn.id ?? '' };
  await CancellationScope.nonCancellable(() => tell(turn, learnSignal, lesson));
}

/** The job has ended, or there never was one: the ledger gets real numbers. */
export async function endTurn(input: IngestJobInput, run: JobRun): Promise<void> {
  const { turn } = run;
  const { id } = turn;
  if (id === undefined || turn.ledger === undefined) return;
  const used = usedBy(input, run);
  await CancellationScope.nonCancellable(async () => {
    if (used === undefined) await tell(turn, giveBackSignal, { id });
    else await tell(turn, settleSignal, { id, ...used });
  });
  delete turn.id;
  turn.granted = false;
}

/** The org refused because a limit is used up: the ledger learns it, and the part asks again. */
export async function refusedTurn(input: IngestJobInput, run: JobRun, code: string): Promise<void> {
  const { turn } = run;
  const governed = turn.granted;
  if (turn.ledger !== undefined) await tell(turn, learnSignal, { code, id: turn.id ?? '' });
  await endTurn(input, run);
  if (governed) return;
  const wait = Math.min(LONGEST_WAIT_ALONE_MS, FIRST_WAIT_ALONE_MS * 2 ** turn.alone++) * (1 + 0.2 * Math.random());
  turn.waitingFor = `Salesforce refused a job (${code})`;
  await sleep(wait, { summary: `${code}: waits until the window has moved` });
}

/** What the platform counts; nothing is known of a job that has not come to its end: then all of it. */
export function usedBy(input: Pick<IngestJobInput, 'records'>, run: JobRun): Amount | undefined {
  const { jobId, closed, last } = run;
  if (jobId === undefined || !closed) return undefined;
  const all = { records: input.records, batches: batchesFor(input.records) };
  if (last?.id !== jobId || !isTerminal(last.state)) return all;
  if (last.state === 'JobComplete') {
    const records = last.processed > 0 ? last.processed : input.records;
    return { records, batches: batchesFor(records) };
  }
  // It was cut into batches, whatever became of them; but not when it could not even begin.
  return last.processed === 0 && last.failed === 0
    ? { records: 0, batches: 0 }
    : { records: last.processed, batches: all.batches };
}

/** A ledger that has gone knows nothing any more that could be corrected. */
async function tell<T>(turn: Turn, signal: SignalDefinition<[T]>, message: T): Promise<void> {
  if (turn.ledger === undefined) return;
  try {
    await getExternalWorkflowHandle(turn.ledger).signal(signal, message);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

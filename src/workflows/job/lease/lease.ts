/**
 * A part's side of the ledger: it requests a lease before creating its job, reports that it is alive, and settles what
 * it used.
 */
import type { SignalDefinition } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { batchesFor } from '../../../domain/platform/batches.js';
import { isTerminal } from '../../../domain/platform/job-states.js';
import { count } from '../../../domain/text/format.js';
import type { AllocationAnswer } from '../../../protocol/activities/allocation-activities.js';
import { giveBackSignal, renewSignal, settleSignal } from '../../../protocol/messages/allocation-messages.js';
import type { Amount } from '../../../protocol/messages/allocation-types.js';
import { ledgerActivities } from '../../support/activity-options.js';
import { recordWait } from '../../support/metrics.js';
import { summaryOf } from '../../support/summary.js';
import { enterWarnings } from '../../support/warnings.js';
import type { IngestJob } from '../job.js';
import type { IngestJobInput, JobState } from '../job-state.js';

/** A ledger that is silent this long must not stop a load. */
const ANSWER_WITHIN_MS = 120_000;
/** A waiting part repeats its request, in case a message was lost or a person ended the ledger. */
const REPEAT_MS = 900_000;
const RENEW_AFTER_MS = 600_000;
const MIN_PATIENCE_MS = 1_800_000;
const DEFAULT_PRIORITY = 3;

/** Waits for a lease while the part is not paused. */
export async function waitForLease(job: IngestJob): Promise<void> {
  const { state } = job;
  delete state.jobId;
  state.askedAt ??= Date.now();
  for (;;) {
    job.enterPhase('waiting');
    await condition(() => !state.paused);
    await acquireLease(job);
    if (!state.paused) return;
    // Others may use the grant meanwhile.
    await releaseLease(job);
  }
}

/** Asks until a job may be created. When no ledger answers, the part continues without it. */
async function acquireLease(job: IngestJob): Promise<void> {
  const { input, state, live } = job;
  const { lease } = state;
  let waitsSince: number | undefined;
  do {
    lease.asked++;
    // Stays the same after a reset, so that the request of the previous run does not count as a second one.
    lease.id = `${workflowInfo().firstExecutionRunId}/${lease.asked}`;
    let { answer } = await requestLease(job);
    while (answer.status === 'waiting') {
      waitsSince ??= Date.now();
      if (lease.waitingFor === undefined) job.log("part waits for the org's allocation");
      lease.waitingFor = answer.reason;
      job.showDetails();
      await job.reportProgress();
      const isGranted = (): boolean => live.grants.has(lease.id ?? '');
      if (await condition(isGranted, REPEAT_MS, { summary: summaryOf(answer.reason) })) {
        answer = { status: 'granted', ...live.grants.get(lease.id) };
      } else {
        // The request was acknowledged: a ledger that is silent now is waited for.
        const repeated = await requestLease(job);
        if (repeated.answer.status !== 'unreachable') answer = repeated.answer;
      }
    }
    delete lease.waitingFor;
    if (waitsSince !== undefined) recordWait('allocation', waitsSince);
    waitsSince = undefined;
    if (answer.status === 'unreachable') {
      enterWarnings(state.warnings, [
        `Jobs were created without a lease of the org's allocation, because its ledger did not answer: ${answer.why}.`,
      ]);
      lease.renewedAt = Date.now();
      return;
    }
    lease.granted = answer.status === 'granted';
    if ('warning' in answer) enterWarnings(state.warnings, [`Part ${input.part}: ${answer.warning}`]);
    // Ended: the run before a reset had used that id.
  } while (!lease.granted);
  lease.alone = 0;
  lease.renewedAt = Date.now();
}

async function requestLease({ input, state }: IngestJob): Promise<AllocationAnswer> {
  const { connection, apiVersion, records, operation, object, part, poll } = input;
  const asked = await ledgerActivities(input.outageMs).requestLease.executeWithOptions(
    { summary: `${count(records)} records of the org's allocation` },
    [
      {
        id: state.lease.id as string,
        words: `${operation} ${object}, part ${part}`,
        priority: input.priority ?? DEFAULT_PRIORITY,
        records,
        batches: batchesFor(records),
        patienceMs: Math.max(MIN_PATIENCE_MS, 6 * poll.maximumMs),
        connection,
        apiVersion,
        // Before the step itself counts as failed.
        answerWithinMs: Math.min(ANSWER_WITHIN_MS, input.outageMs / 2),
      },
    ],
  );
  state.lease.ledger = asked.ledger;
  return asked;
}

/** Occasionally reports that the job is alive. */
export async function renewLease(job: IngestJob): Promise<void> {
  const { lease, last } = job.state;
  if (Date.now() - lease.renewedAt < RENEW_AFTER_MS) return;
  lease.renewedAt = Date.now();
  await signalLedger(job, renewSignal, { id: lease.id ?? '', processed: last?.processed ?? 0 });
}

/**
 * Renews during work without polls: an upload over a slow line, a create during an outage. Otherwise the ledger would
 * consider the part gone and give its slot to another.
 */
export async function renewWhile<T>(job: IngestJob, work: () => Promise<T>): Promise<T> {
  if (!job.state.lease.granted) return work();
  const renewing = new CancellationScope();
  const renewal = renewing.run(async () => {
    for (;;) {
      await sleep(RENEW_AFTER_MS, { summary: 'renew the lease at the ledger' });
      await renewLease(job);
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

/** The job has ended or never existed: the ledger gets the actual numbers. */
export async function releaseLease(job: IngestJob): Promise<void> {
  const { input, state } = job;
  const { lease } = state;
  const { id } = lease;
  if (id === undefined || lease.ledger === undefined) return;
  const used = usedBy(input, state);
  await CancellationScope.nonCancellable(async () => {
    if (used === undefined) await signalLedger(job, giveBackSignal, { id });
    else await signalLedger(job, settleSignal, { id, ...used });
  });
  delete lease.id;
  lease.granted = false;
}

/** What the platform counts; all of it when the job's end is unknown. */
export function usedBy(input: Pick<IngestJobInput, 'records'>, state: JobState): Amount | undefined {
  const { jobId, closed, last } = state;
  if (jobId === undefined || !closed) return undefined;
  const all = { records: input.records, batches: batchesFor(input.records) };
  if (last?.id !== jobId || !isTerminal(last.state)) return all;
  if (last.state === 'JobComplete') {
    const records = last.processed > 0 ? last.processed : input.records;
    return { records, batches: batchesFor(records) };
  }
  // It was cut into batches, even if they failed; but not when it could not begin.
  return last.processed === 0 && last.failed === 0
    ? { records: 0, batches: 0 }
    : { records: last.processed, batches: all.batches };
}

/** A ledger that is gone has nothing left to correct. */
export async function signalLedger<T>({ state }: IngestJob, signal: SignalDefinition<[T]>, message: T): Promise<void> {
  const { ledger } = state.lease;
  if (ledger === undefined) return;
  try {
    await getExternalWorkflowHandle(ledger).signal(signal, message);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

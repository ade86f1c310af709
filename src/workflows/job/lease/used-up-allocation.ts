/**
 * Jobs that Salesforce refuses or fails because the org's allocation is used up. The part is not at fault: it is sent
 * again, as often as necessary, once the window has moved.
 */
import { CancellationScope, sleep } from '@temporalio/workflow';
import { USED_UP_CODES } from '../../../domain/platform/used-up-codes.js';
import type { JobStatus } from '../../../protocol/activities/job-types.js';
import { learnSignal } from '../../../protocol/messages/allocation-messages.js';
import { nothingApplied } from '../result-counts.js';
import type { IngestJob } from '../job.js';
import type { JobState } from '../job-state.js';
import { waiting } from '../../support/metrics.js';
import { releaseLease, signalLedger } from './lease.js';

/** The error of a job that failed because the allocation was used up. */
const QUOTA = /ExceededQuota|ApiBatchItems/i;
/** Waits without a ledger that knows when the window moves. */
const FIRST_WAIT_ALONE_MS = 300_000;
const MAX_WAIT_ALONE_MS = 3_600_000;

export function isUsedUp(code: string): boolean {
  return USED_UP_CODES.includes(code);
}

function ranOutOfQuota({ state, errorMessage = '' }: JobStatus): boolean {
  return state === 'Failed' && QUOTA.test(errorMessage);
}

/** Others must learn that the allocation is used up before the failed job's results are downloaded and counted. */
export async function reportQuotaFailure(job: IngestJob): Promise<void> {
  const { lease, last, jobId } = job.state;
  if (lease.ledger === undefined || last === undefined || last.id !== jobId || !ranOutOfQuota(last)) return;
  const lesson = { code: 'EXCEEDED_QUOTA', id: lease.id ?? '' };
  await CancellationScope.nonCancellable(() => signalLedger(job, learnSignal, lesson));
}

/** Reports to the ledger that a limit is used up, and asks again. Without a ledger the part waits on its own. */
export async function waitForQuota(job: IngestJob, code: string): Promise<void> {
  const { lease } = job.state;
  const governed = lease.granted;
  if (lease.ledger !== undefined) await signalLedger(job, learnSignal, { code, id: lease.id ?? '' });
  await releaseLease(job);
  if (governed) return;
  const wait = Math.min(MAX_WAIT_ALONE_MS, FIRST_WAIT_ALONE_MS * 2 ** lease.alone++) * (1 + 0.2 * Math.random());
  lease.waitingFor = `Salesforce refused a job (${code})`;
  await waiting('allocation', () => sleep(wait, { summary: `${code}: wait until the window has advanced` }));
}

/**
 * True when the part must be sent again: its job failed for lack of allocation before its first row, as its files
 * prove.
 */
export async function waitsForQuotaAndResends(job: IngestJob): Promise<boolean> {
  const { state } = job;
  const { last } = state;
  if (last === undefined || !ranOutOfQuota(last) || last.processed > 0 || last.failed > 0) return false;
  const counts = await job.downloadResults(job.fileActivities);
  if (!nothingApplied(last, counts)) return false;
  await waitForQuota(job, 'EXCEEDED_QUOTA');
  delete state.jobId;
  delete state.last;
  Object.assign(state, { closed: false, samples: [], polls: 0 } satisfies Partial<JobState>);
  return true;
}

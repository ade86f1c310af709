/** The end of jobs that nobody knows: a create whose answer was lost, or a restore, may have left one Open. */
import { sleep } from '@temporalio/workflow';
import type { BulkLoadInput, JobSummary } from '../contract.js';
import type { Counted, LostJobsFound, OrgRef } from '../activities/types.js';
import { enterJobs } from './books.js';
import { requestsOf } from './failures.js';
import type { LoadRun } from './load-run.js';
import { cleanup } from './steps.js';

/** Another program that creates a job and then sends its data has done so by then. */
const BETWEEN_LOOKS = '60s';
const LOOKS = 2;

/**
 * Aborts jobs that match a create with a lost answer and are empty in two looks. When there are more of them than lost
 * creates, some belong to somebody else: they are listed and not touched, as are those that have rows.
 */
export async function sweepLostJobs(input: BulkLoadInput, run: LoadRun): Promise<void> {
  const { lost, org } = run;
  if (lost.creates.length === 0 || org === undefined) return;
  try {
    const before = await find(input, run, org, 'jobs that a lost answer may have left Open');
    const ids = [...before.empty, ...before.filled];
    if (ids.length === 0) return;
    await sleep(BETWEEN_LOOKS, { summary: `still Open in a minute? ${ids.join(', ')}`.slice(0, 190) });
    const now = await find(input, run, org, 'are they still Open?');
    const still = now.empty.filter((id) => before.empty.includes(id));
    run.openJobs.push(...now.filled.filter((id) => ids.includes(id)));
    const creates = lost.creates.reduce((sum, span) => sum + (span.creates ?? 1), 0);
    if (still.length > creates) run.openJobs.push(...still);
    else for (const jobId of still) await abort(input, run, org, jobId);
  } catch {
    // The rows are safe whatever becomes of an Open job; the report says that one may be there.
    run.openJobs.push('not known');
  }
}

async function find(input: BulkLoadInput, run: LoadRun, org: OrgRef, summary: string): Promise<LostJobsFound> {
  const { object, operation, externalIdFieldName } = input;
  const { creates, createdById } = run.lost;
  return counted(
    run,
    cleanup.findLostJobs.executeWithOptions({ summary }, [
      {
        ...org,
        object,
        operation,
        lostCreates: creates,
        ...(externalIdFieldName !== undefined && { externalIdFieldName }),
        ...(createdById !== undefined && { createdById }),
      },
    ]),
  );
}

async function abort({ operation }: BulkLoadInput, run: LoadRun, org: OrgRef, jobId: string): Promise<void> {
  const { state } = await counted(
    run,
    cleanup.abortJob.executeWithOptions({ summary: `abort ${jobId}` }, [{ ...org, jobId }]),
  );
  const job: JobSummary = { id: jobId, operation, state, records: 0, failed: 0, polls: LOOKS };
  enterJobs(run.books, [job]);
  run.ended[0]?.jobs.push(job);
}

async function counted<T>(run: LoadRun, step: Promise<Counted<T>>): Promise<T> {
  try {
    const { value, requests } = await step;
    run.books.apiRequests += requests.total;
    return value;
  } catch (error) {
    run.books.apiRequests += requestsOf(error).total;
    throw error;
  }
}

/** Cleans up unknown jobs: a create whose answer was lost, or a restore, may have left one Open. */
import { sleep } from '@temporalio/workflow';
import type { JobSummary } from '../../contract/load-result.js';
import { defined } from '../../domain/defined.js';
import type { LostJobsFound } from '../../protocol/activities/orphan-types.js';
import type { OrgRef } from '../../protocol/activities/job-types.js';
import { enterJobs } from '../load/tally.js';
import { isNotOurs } from '../../domain/failures.js';
import type { Load } from '../load/load.js';
import { cleanupActivities } from '../support/activity-options.js';
import { summaryOf } from '../support/summary.js';

/** Another program that creates a job and then sends its data has done so by then. */
const BETWEEN_CHECKS = '60s';
const CHECKS = 2;

/**
 * Aborts jobs that match a create with a lost answer and are empty in two checks. If there are more of them than lost
 * creates, some belong to other programs: they are listed and not touched, as are those that have rows.
 */
export async function sweepLostJobs(load: Load): Promise<void> {
  const { state } = load;
  const { lost, org } = state;
  if (lost.creates.length === 0 || org === undefined) return;
  try {
    const before = await findLostJobs(load, org, 'find jobs that a lost answer may have left Open');
    const ids = [...before.empty, ...before.filled];
    if (ids.length === 0) return;
    await sleep(BETWEEN_CHECKS, { summary: summaryOf(`in a minute, check whether still Open: ${ids.join(', ')}`) });
    const now = await findLostJobs(load, org, 'check whether they are still Open');
    const still = now.empty.filter((id) => before.empty.includes(id));
    state.openJobs.push(...now.filled.filter((id) => ids.includes(id)));
    const creates = lost.creates.reduce((sum, span) => sum + (span.creates ?? 1), 0);
    if (still.length > creates) state.openJobs.push(...still);
    else for (const jobId of still) await abortIfOurs(load, { ...org, jobId });
  } catch {
    // The rows are safe even if an Open job remains; the report mentions it.
    state.openJobs.push('unknown');
  }
}

async function findLostJobs(load: Load, org: OrgRef, summary: string): Promise<LostJobsFound> {
  const { object, operation, externalIdFieldName } = load.input;
  const { creates, createdById } = load.state.lost;
  return load.awaitCounted(
    cleanupActivities.findLostJobs.executeWithOptions({ summary }, [
      {
        ...org,
        object,
        operation,
        lostCreates: creates,
        ...defined({ externalIdFieldName, createdById }),
      },
    ]),
  );
}

/** The activity checks the job itself: the list may be forged. */
async function abortIfOurs(load: Load, ref: OrgRef & { jobId: string }): Promise<void> {
  try {
    await abort(load, ref);
  } catch (error) {
    if (!isNotOurs(error)) throw error;
    load.state.openJobs.push(ref.jobId);
  }
}

async function abort(load: Load, { jobId, ...org }: OrgRef & { jobId: string }): Promise<void> {
  const { input, state } = load;
  const { operation, externalIdFieldName } = input;
  const ref = {
    ...org,
    jobId,
    object: state.object ?? input.object,
    operation,
    ...defined({ externalIdFieldName, since: state.startedAt }),
  };
  const aborted = await load.awaitCounted(
    cleanupActivities.abortJob.executeWithOptions({ summary: `abort ${jobId}` }, [ref]),
  );
  load.log('job aborted', { jobId });
  // The abort reads the job again.
  const job: JobSummary = { id: jobId, operation, state: aborted.state, records: 0, failed: 0, polls: CHECKS + 1 };
  enterJobs(state.tally, [job]);
  state.ended[0]?.jobs.push(job);
}

/**
 * Jobs of this load that are missing from its history, because Temporal's database or the folder was restored to a time
 * before they were sent. They are searched for before a part is sent, adopted if identified, and otherwise a person is
 * asked.
 */
import { defined } from '../../../domain/defined.js';
import { condition, workflowInfo } from '@temporalio/workflow';
import { withUnknownClock } from '../../../domain/failures.js';
import { namedJobs } from '../../../domain/text/named-jobs.js';
import type { Evidence } from '../../../protocol/activities/job-types.js';
import type { EarlierJobs } from '../../../protocol/activities/orphan-types.js';
import { waiting } from '../../support/metrics.js';
import { summaryOf } from '../../support/summary.js';
import type { IngestJob } from '../job.js';
import { enterLost, questionOf } from '../job-state.js';
import { enterWarnings } from '../../support/warnings.js';

/** For the step that creates a job, which knows since when its worker has existed. */
export function evidenceOf({ input, state }: IngestJob): { evidence?: Pick<Evidence, 'jobsKnownUntil' | 'timeGapAt'> } {
  const { evidence } = input;
  if (evidence === undefined) return {};
  const timeGapAt = Math.max(evidence.timeGapAt ?? 0, state.timeGapAt ?? 0);
  return {
    evidence: { jobsKnownUntil: state.checkedAt ?? evidence.jobsKnownUntil, ...(timeGapAt > 0 && { timeGapAt }) },
  };
}

/**
 * Searches the org. Sets `state.question` when the part cannot be sent yet.
 * @returns the job that had the part
 */
export async function findEarlierJob(job: IngestJob): Promise<string | undefined> {
  const { input, state } = job;
  const { connection, apiVersion, object, operation, stageUri, part } = input;
  const { load, workUri, jobsKnownUntil } = input.evidence as Evidence;
  const { createdById } = state.lost;
  const askedAt = Date.now();
  const found = await job.awaitCounted(
    job.fileActivities.findEarlierJobs.executeWithOptions(
      { summary: `check the org's jobs for an earlier send of part ${part}` },
      [
        {
          connection,
          apiVersion,
          object,
          operation,
          stageUri,
          part,
          load,
          workUri,
          workflowId: workflowInfo().workflowId,
          since: jobsKnownUntil + state.aheadMs,
          ours: state.jobs.map(({ id }) => id),
          notOurs: state.notOurs,
          ...defined({ createdById }),
        },
      ],
    ),
  );
  enterQuestion(job, found);
  if (found.open) enterLost(state.lost, { creates: [withUnknownClock({ from: jobsKnownUntil, to: askedAt })] });
  if (state.question === undefined) state.checkedAt = askedAt;
  if (found.allKnown) state.jobsKnownUntil = askedAt;
  return found.adopt;
}

function enterQuestion({ input, state }: IngestJob, { adopt, pending, unknown }: EarlierJobs): void {
  const { operation, part } = input;
  delete state.question;
  if (adopt !== undefined || (pending.length === 0 && unknown.length === 0)) return;
  if (pending.length === 0 && operation !== 'insert') {
    // Sent twice it is the same record with the same values: not worth waking anyone.
    enterWarnings(state.warnings, [
      `Part ${part} may have been sent before, with job ${namedJobs(unknown)}, and was sent again: repeating an ${operation} creates no second record.`,
    ]);
    return;
  }
  state.question = { pending, unknown };
}

/** Waits until jobs have ended, or a person has said whether they had the part. Returns the job that had it. */
export async function resolveEarlierJob(job: IngestJob): Promise<string | undefined> {
  const { input, state, live } = job;
  delete state.jobId;
  for (let polls = 0; state.question !== undefined; polls++) {
    job.enterPhase('waiting');
    await job.reportProgress();
    const { pending, unknown } = state.question;
    const { initialMs, coefficient, maximumMs } = input.poll;
    const isAnswered = (): boolean => live.pollNow || state.released;
    const summary = summaryOf(questionOf(input.part, state.question));
    const wait = Math.min(maximumMs, initialMs * coefficient ** Math.min(polls, 100));
    await waiting('decision', async () => {
      if (pending.length === 0) await condition(isAnswered);
      else await condition(isAnswered, wait, { summary });
    });
    live.pollNow = false;
    if (state.released) state.notOurs.push(...pending, ...unknown);
    state.released = false;
    if (workflowInfo().continueAsNewSuggested) await job.continueAsNew();
    const adopt = await findEarlierJob(job);
    if (adopt !== undefined) return adopt;
  }
  return undefined;
}

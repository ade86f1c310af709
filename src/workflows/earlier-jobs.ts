/**
 * Jobs of this load that its history does not know, because the database of Temporal or the folder was restored to a
 * moment before they were sent: looked for before a part is sent, adopted where they can be told, asked about where not.
 */
import { condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { EarlierJobs, Evidence } from '../activities/types.js';
import type { ingestJob } from './ingest-job.js';
import { namedJobs } from '../domain/named-jobs.js';
import { counted, enterJobPhase } from './job-calls.js';
import { withUnknownClock } from './failures.js';
import { enterLost, questionOf } from './job-run.js';
import type { IngestJobInput, JobRun } from './job-run.js';
import { handOn } from './origin.js';
import { onFiles } from './steps.js';

/** A timer that fires so much later than it was due has met an outage, or a restore of the database. */
const LATE_MS = 120_000;

/** Notes that more time has passed than a wait explains. */
export function noteWait(run: { doubtAt?: number }, dueAt: number): void {
  const now = Date.now();
  if (now > dueAt + LATE_MS) run.doubtAt = now;
}

/** For the step that creates a job, which knows since when its worker has been there. */
export function evidenceOf(
  { evidence }: IngestJobInput,
  run: JobRun,
): { evidence?: Pick<Evidence, 'soundAt' | 'doubtAt'> } {
  if (evidence === undefined) return {};
  const doubtAt = Math.max(evidence.doubtAt ?? 0, run.doubtAt ?? 0);
  return { evidence: { soundAt: run.checkedAt ?? evidence.soundAt, ...(doubtAt > 0 && { doubtAt }) } };
}

/**
 * Asks the org. `run.question` is set when the part cannot be sent yet.
 * @returns the job that has had the part
 */
export async function findEarlier(input: IngestJobInput, run: JobRun): Promise<string | undefined> {
  const { connection, apiVersion, object, operation, stageUri, part } = input;
  const { load, workUri, soundAt } = input.evidence as Evidence;
  const { createdById } = run.lost;
  const askedAt = Date.now();
  const found = await counted(
    run,
    onFiles(input.filesQueue, input.outageMs).findEarlierJobs.executeWithOptions(
      { summary: `was part ${part} sent before? the org's jobs` },
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
          since: soundAt + run.aheadMs,
          ours: run.jobs.map(({ id }) => id),
          notOurs: run.notOurs,
          ...(createdById !== undefined && { createdById }),
        },
      ],
    ),
  );
  ask(input, run, found);
  if (found.open) enterLost(run.lost, { creates: [withUnknownClock({ from: soundAt, to: askedAt })] });
  if (run.question === undefined) run.checkedAt = askedAt;
  if (found.sound) run.soundAt = askedAt;
  return found.adopt;
}

function ask({ operation, part }: IngestJobInput, run: JobRun, { adopt, pending, unknown }: EarlierJobs): void {
  delete run.question;
  if (adopt !== undefined || (pending.length === 0 && unknown.length === 0)) return;
  if (pending.length === 0 && operation !== 'insert') {
    // Sent twice it is the same record with the same values: nobody should be woken for that.
    run.warnings.push(
      `Part ${part} may have been sent before, with job ${namedJobs(unknown)}, and was sent again: an ${operation} twice makes no second record.`,
    );
    return;
  }
  run.question = { pending, unknown };
}

/** Waits until jobs have ended, or a person has said whose they are. Gives the job that has had the part. */
export async function settleQuestion(
  input: IngestJobInput,
  run: JobRun,
  nudge: { asked: boolean },
  show: () => Promise<void>,
): Promise<string | undefined> {
  delete run.jobId;
  for (let looks = 0; run.question !== undefined; looks++) {
    enterJobPhase(input, run, 'waiting');
    await show();
    const { pending, unknown } = run.question;
    const { initialMs, coefficient, maximumMs } = input.poll;
    const isAnswered = (): boolean => nudge.asked || run.released;
    const summary = questionOf(input.part, run.question).slice(0, 190);
    if (pending.length === 0) await condition(isAnswered);
    else await condition(isAnswered, Math.min(maximumMs, initialMs * coefficient ** Math.min(looks, 100)), { summary });
    nudge.asked = false;
    if (run.released) run.notOurs.push(...pending, ...unknown);
    run.released = false;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof ingestJob>(input, handOn(run));
    const adopt = await findEarlier(input, run);
    if (adopt !== undefined) return adopt;
  }
  return undefined;
}

/** Sends a stage again, one job at a time, so that locks are released. */
import { defined } from '../../domain/defined.js';
import { allHandlersFinished, condition, workflowInfo } from '@temporalio/workflow';
import { isTerminal } from '../../domain/platform/job-states.js';
import { isExceptional } from '../../domain/part-outcome.js';
import type { EndedStage } from '../../protocol/activities/ended-parts.js';
import { pauseSignal } from '../../protocol/messages/load-messages.js';
import { runPart } from '../children/run-part.js';
import type { JobTemplate } from '../children/run-part.js';
import { enterEvidence, enterLost } from '../job/job-state.js';
import type { IngestJobResult } from '../job/job-state.js';
import { listSucceeded } from '../support/result-files.js';
import { enterWarnings } from '../support/warnings.js';
import { readSizes } from '../load/parts/read-sizes.js';
import { knowsSizeOf, succeededUri } from '../load/parts/stage-parts.js';
import { enterJobs } from '../load/tally.js';
import { moveEndedToFiles } from '../support/ended-part-files.js';
import { markSearchAttributes } from '../support/search-attributes.js';
import type { Retry } from './retry.js';

/** A search attribute does not take more. */
const MAX_JOB_IDS = 50;

export async function sendStage(retry: Retry): Promise<void> {
  const { state, result } = retry;
  const { tally } = result;
  for (let part = state.next ?? 1; part <= state.stage.parts; part++) {
    state.next = part;
    await untilReady(retry);
    if (retry.mustEnd) {
      state.notStartedFrom = part;
      state.untriaged = true;
      break;
    }
    const job = await sendPart(retry, part);
    const isListed = tally.jobsTotal < MAX_JOB_IDS;
    enterJob(retry, job);
    if (isListed) markJobIds(retry);
  }
  delete state.next;
}

/** Before a part: waits out a pause, and moves growing state to files. */
async function untilReady(retry: Retry): Promise<void> {
  const { state, result, fileActivities } = retry;
  const { stage, next = 1 } = state;
  try {
    await untilResumed(retry);
    if (retry.mustEnd) return;
    await moveEndedToFiles(result.ended, fileActivities);
    if (!knowsSizeOf(stage, next)) await readSizes(stage, next, fileActivities);
    await condition(allHandlersFinished);
  } catch (error) {
    retry.enterError(error);
    return;
  }
  // Only between two jobs: a child would see its parent close.
  if (workflowInfo().continueAsNewSuggested) await retry.continueAsNew();
}

async function untilResumed(retry: Retry): Promise<void> {
  const { state } = retry;
  if (!state.paused || retry.mustEnd) return;
  retry.showDetails('paused: waits for the signal `resume`');
  await condition(() => !state.paused);
}

async function sendPart(retry: Retry, part: number): Promise<IngestJobResult> {
  const { state, live } = retry;
  const job = await runPart(
    jobTemplate(retry),
    { stage: state.stage, part, name: `${state.name}/part-${part}` },
    {
      onStarted: (child) => {
        live.child = child;
        retry.enterWait(undefined);
        if (state.paused) live.signals.sendSoon(child, pauseSignal);
      },
      onWait: (text) => retry.enterWait(text),
    },
  );
  delete live.child;
  retry.enterWait(undefined);
  return job;
}

function jobTemplate({ input, result }: Retry): JobTemplate {
  const { connection, apiVersion, object, assignmentRuleId, priority, loadId } = input;
  const { filesQueue, poll, jobTimeoutMs, outageMs, searchAttributes } = input;
  const { jobsKnownUntil, timeGapAt, tally } = result;
  return {
    connection,
    apiVersion,
    object,
    filesQueue,
    poll,
    jobTimeoutMs,
    outageMs,
    searchAttributes,
    evidence: enterEvidence({ ...input.evidence }, defined({ jobsKnownUntil, timeGapAt })),
    reportProgress: false,
    ...defined({ priority, assignmentRuleId, loadId }),
    ...(tally.disagreeing > 0 && { waitsShort: true }),
  };
}

function enterJob({ state, result }: Retry, job: IngestJobResult): void {
  const { outcome, jobs } = job;
  const { tally, files } = result;
  const ended = result.ended.at(-1) as EndedStage;
  tally.succeeded += outcome.counts.succeeded;
  tally.recovered += outcome.counts.succeeded;
  if (outcome.counts.succeeded > 0) listSucceeded(files, succeededUri(state.stage, outcome.part));
  ended.outcomes.push(outcome);
  ended.jobs.push(...jobs);
  enterJobs(tally, jobs);
  tally.apiRequests += job.apiRequests;
  if (!job.filesAgree) tally.disagreeing++;
  enterLost(result.lost, job.lost);
  enterEvidence(result, job);
  enterWarnings((result.warnings ??= []), job.warnings);
  result.canceled ||= job.canceled;
  if (job.error !== undefined) result.error ??= job.error;
  state.failedWhole ??= job.failedWhole;
  state.untriaged ||= isExceptional(outcome);
}

function markJobIds({ input, result }: Retry): void {
  markSearchAttributes(input.searchAttributes, {
    NightloadJobIds: result.tally.jobs.filter(({ state }) => isTerminal(state)).map(({ id }) => id),
  });
}

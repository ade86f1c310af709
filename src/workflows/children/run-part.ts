/** Runs one part of a stage as an `ingestJob` child, and determines its outcome however it ended. */
import { ApplicationFailure, ChildWorkflowFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { isCancellation } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';
import { toLoadError, withUnknownClock } from '../../domain/failures.js';
import { count } from '../../domain/text/format.js';
import { NO_ROWS } from '../../domain/part-outcome.js';
import { CLAIM_FILE, partFolder } from '../../domain/result-layout.js';
import type { PartGroup, Stage } from '../../protocol/activities/plan-types.js';
import type { ingestJob } from '../job/ingest-job.js';
import { enterLost } from '../job/job-state.js';
import type { IngestJobInput, IngestJobResult, LostJobs } from '../job/job-state.js';
import { recordsOf } from '../load/parts/stage-parts.js';
import { readJobResult } from '../incoming/child-results.js';
import { idTaken, runChild } from './run-child.js';
import type { ChildWatch } from './run-child.js';

/** Input common to the jobs of all parts. */
export type JobTemplate = Omit<
  IngestJobInput,
  'stageUri' | 'part' | 'records' | 'operation' | 'externalIdFieldName' | 'columnDelimiter' | 'lineEnding'
>;

interface PartOfStage {
  stage: Stage;
  part: number;
  /** Name of the child. */
  name: string;
}

function groupOf(stage: Stage, part: number): PartGroup {
  const group = stage.groups.find(({ firstPart, lastPart }) => part >= firstPart && part <= lastPart);
  if (group === undefined) throw new RangeError(`part ${part} belongs to no group`);
  return group;
}

/** Runs a part of a stage as a child. Never throws: a child that vanished is an outcome too. */
export async function runPart(
  template: JobTemplate,
  { stage, part, name }: PartOfStage,
  watch: ChildWatch,
): Promise<IngestJobResult> {
  const { operation, externalIdFieldName } = groupOf(stage, part);
  const records = recordsOf(stage, part);
  const input: IngestJobInput = {
    ...template,
    stageUri: stage.uri,
    part,
    records,
    operation,
    columnDelimiter: stage.columnDelimiter,
    lineEnding: stage.lineEnding,
    ...defined({ externalIdFieldName }),
  };
  const lost: LostJobs = { creates: [] };
  // It may have been creating a job whose id was then lost.
  const noteLost = (from: number): void => void lost.creates.push(withUnknownClock({ from, to: Date.now() }));
  let result: IngestJobResult;
  try {
    const reported = await runChild<typeof ingestJob>(
      'ingestJob',
      {
        name,
        args: [input],
        summary: `${operation} ${template.object}, ${name} of ${stage.parts}: ${count(records)} rows`,
        read: readJobResult,
      },
      { onTerminated: noteLost, isWhole: knowsEarlierJob, ...watch },
    );
    const read = readJobResult(reported);
    if (read === undefined) throw ApplicationFailure.nonRetryable('its result is unreadable', 'CHILD_LOST');
    result = read;
  } catch (error) {
    result = resultOfFailure(error, stage, part);
  }
  enterLost(result.lost, lost);
  return result;
}

/** A child canceled before its job had rows has not yet checked for the job of the child before it. */
function knowsEarlierJob({ canceled, outcome, jobs }: IngestJobResult): boolean {
  return !canceled || outcome.kind !== 'notStarted' || jobs.some(({ records }) => records > 0);
}

function resultOfFailure(error: unknown, stage: Stage, part: number): IngestJobResult {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const result = readJobResult(cause.details?.[0]);
    if (result !== undefined) return result;
  }
  const unknown = { part, counts: NO_ROWS, missing: 0 };
  const nothing = { jobs: [], apiRequests: 0, filesAgree: true, lost: { creates: [] } };
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return {
      ...nothing,
      outcome: { ...unknown, kind: 'lost' },
      canceled: false,
      error: {
        code: 'EARLIER_RUN_STILL_ENDING',
        message: `The load waited for ${idTaken(error.workflowId)} Then start the load again.`,
      },
    };
  }
  // A running child answers a cancellation with a result, so a canceled one was never started.
  if (isCancellation(error)) return { ...nothing, outcome: { ...unknown, kind: 'notStarted' }, canceled: true };
  return {
    ...nothing,
    outcome: { ...unknown, kind: 'lost' },
    canceled: false,
    error: {
      code: 'JOB_WORKFLOW_LOST',
      message:
        `The workflow of part ${part} was ended by someone other than nightload (${toLoadError(error).message}). ` +
        'The outcome of its rows is unknown: check its job in Setup > Bulk Data Load Jobs. ' +
        `If they were sent, the job id is in ${stage.uri}${partFolder(part)}/${CLAIM_FILE}.`,
    },
  };
}

/** Starting `ingestJob` children, and reading what became of them however they ended. */
import { ApplicationFailure, ChildWorkflowFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { PartGroup, Stage } from '../activities/types.js';
import { NO_ROWS } from './books.js';
import { toLoadError } from './failures.js';
import { pollNowSignal } from './messages.js';
import type { ingestJob } from './ingest-job.js';
import type { IngestJobInput, IngestJobResult } from './job-run.js';
import { count } from './words.js';

/** What all jobs of a load have in common. */
export type JobTemplate = Omit<
  IngestJobInput,
  'stageUri' | 'part' | 'records' | 'operation' | 'externalIdFieldName' | 'columnDelimiter' | 'lineEnding'
>;

function groupOf(stage: Stage, part: number): PartGroup {
  const group = stage.groups.find(({ firstPart, lastPart }) => part >= firstPart && part <= lastPart);
  if (group === undefined) throw new RangeError(`part ${part} belongs to no group`);
  return group;
}

/** Runs a part of a stage as a child. Never throws: a child that vanished is an outcome too. */
export async function runPart(
  template: JobTemplate,
  stage: Stage,
  part: number,
  name: string,
): Promise<IngestJobResult> {
  const { operation, externalIdFieldName } = groupOf(stage, part);
  const records = stage.parts[part - 1] ?? 0;
  const input: IngestJobInput = {
    ...template,
    stageUri: stage.uri,
    part,
    records,
    operation,
    columnDelimiter: stage.columnDelimiter,
    lineEnding: stage.lineEnding,
    ...(externalIdFieldName !== undefined && { externalIdFieldName }),
  };
  try {
    return await executeChild<typeof ingestJob>('ingestJob', {
      workflowId: `${workflowInfo().workflowId}/${name}`,
      args: [input],
      // Even a load that is terminated has its jobs aborted, by its children.
      parentClosePolicy: 'REQUEST_CANCEL',
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      staticSummary: `${operation} ${template.object}, ${name} of ${stage.parts.length}: ${count(records)} rows`,
    });
  } catch (error) {
    return resultOfFailure(error, part);
  }
}

function resultOfFailure(error: unknown, part: number): IngestJobResult {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const result = cause.details?.[0] as IngestJobResult | undefined;
    if (result?.outcome !== undefined) return result;
  }
  const unknown = { part, counts: NO_ROWS, missing: 0 };
  const nothing = { jobs: [], apiRequests: 0, filesAgree: true };
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return {
      ...nothing,
      outcome: { ...unknown, kind: 'notStarted' },
      canceled: false,
      error: {
        code: 'EARLIER_RUN_STILL_ENDING',
        message: `${error.workflowId} of an earlier run is still aborting its job. Start the load again in some minutes.`,
      },
    };
  }
  // A child that runs answers a cancel with a result, so a cancelled one was never started.
  if (isCancellation(error)) return { ...nothing, outcome: { ...unknown, kind: 'notStarted' }, canceled: true };
  return {
    ...nothing,
    outcome: { ...unknown, kind: 'lost' },
    canceled: false,
    error: {
      code: 'JOB_WORKFLOW_LOST',
      message:
        `The workflow of part ${part} was ended from outside (${toLoadError(error).message}). ` +
        'What became of its rows is not known: look for its job in Setup > Bulk Data Load Jobs.',
    },
  };
}

/** Passes `pollNow` on to a child. One that has just ended needs it no more. */
export async function nudgeChild(name: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(`${workflowInfo().workflowId}/${name}`).signal(pollNowSignal);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

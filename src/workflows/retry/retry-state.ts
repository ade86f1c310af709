/** State of a retry: plain data, small enough to be carried over a continue-as-new. */
import type { LoadError } from '../../contract/load-result.js';
import type { Stage } from '../../protocol/activities/plan-types.js';
import { noFiles } from '../support/result-files.js';
import type { ResultFiles } from '../support/result-files.js';
import type { Tally } from '../load/tally.js';
import type { LostJobs } from '../job/job-state.js';
import type { Operation, SearchAttributeName } from '../../contract/names.js';
import type { EndedStage } from '../../protocol/activities/ended-parts.js';
import type { Evidence, OrgRef } from '../../protocol/activities/job-types.js';
import type { PollPlan, RetryPlan } from '../../domain/input/resolve-input.js';
import { emptyTally } from '../load/tally.js';
import { newEndedStage } from '../support/ended-part-files.js';

/** Input of `retryFailedRows`. */
export interface RetryInput extends OrgRef {
  stage: Stage;
  /** How its parts ended, unless its rows were not sent yet. */
  ended?: EndedStage;
  workUri: string;
  object: string;
  operation: Operation;
  assignmentRuleId?: string;
  filesQueue: string;
  partMaxBytes: number;
  poll: PollPlan;
  jobTimeoutMs: number;
  outageMs: number;
  /** @default 3 */
  priority?: number;
  /** For the log. */
  loadId?: string;
  retry: RetryPlan;
  /** Why whole parts of the stage did not land, if they may still land. */
  failedWhole?: LoadError;
  /** No job is started until the signal `resume`. */
  paused: boolean;
  searchAttributes: SearchAttributeName[];
  evidence: Evidence;
}

export interface RetryResult {
  /** What the retry adds to the load's tally; `total` and `seen` stay 0. */
  tally: Tally;
  files: ResultFiles;
  /** The stages that it sent. */
  ended: EndedStage[];
  /** `file:` URI of already done rows from the stage that it was given to sort. */
  alreadyDone?: string;
  canceled: boolean;
  lost: LostJobs;
  jobsKnownUntil?: number;
  timeGapAt?: number;
  warnings?: string[];
  error?: LoadError;
}

export interface RetryState {
  result: RetryResult;
  /** The stage that is sent, then sorted. */
  stage: Stage;
  /** Prefix of the names of its jobs' workflows. */
  name: string;
  /** Its next part to send; absent once all have been sent. */
  next?: number;
  /** It has rows to sort. */
  untriaged: boolean;
  /** When untriaged: this part and all later ones were never started. */
  notStartedFrom?: number;
  /** The round that the next triage finds rows for. */
  round: number;
  /** Why a job of the stage failed as a whole, if its rows may pass later. */
  failedWhole?: LoadError | undefined;
  paused: boolean;
}

export function newRetryState({ stage, ended, paused, failedWhole }: RetryInput): RetryState {
  const sendFirst = ended === undefined;
  return {
    result: {
      tally: emptyTally(),
      files: noFiles(),
      ended: sendFirst ? [newEndedStage(stage.uri)] : [],
      canceled: false,
      lost: { creates: [] },
    },
    stage,
    name: 'sent',
    ...(sendFirst && { next: 1 }),
    untriaged: !sendFirst,
    round: 1,
    failedWhole,
    paused,
  };
}

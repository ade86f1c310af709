/** Inputs and results of the activities in `activities/allocation`: an org's limits, and its ledger's answers. */
import type { OrgLimit } from '../../domain/platform/org-limit.js';
import type { AllocationRequest, Answer } from '../messages/allocation-messages.js';

export interface ReadOrgLimitsInput {
  connection: string;
  /** @default the connection's */
  apiVersion?: string;
}

/** Limits that the org does not report are left out. */
export interface OrgLimitsRead {
  batches?: OrgLimit;
  apiRequests?: OrgLimit;
}

export interface AskAllocationInput extends Omit<AllocationRequest, 'rules' | 'holder'> {
  /** How long to wait for an answer; shorter when the ledger was silent just before. */
  answerWithinMs: number;
}

export interface AllocationAnswer {
  /** Workflow id of the ledger. */
  ledger: string;
  answer: Answer | { status: 'unreachable'; why: string };
}

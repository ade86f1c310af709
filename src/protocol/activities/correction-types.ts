/** Inputs and results of the activities in `activities/corrections`: waiting rejected rows, and their corrections. */
import type { Corrections, CorrectionsTaken } from '../../contract/corrections.js';
import type { Stage } from './plan-types.js';
import type { EndedStage } from './ended-parts.js';
import type { Operation } from '../../contract/names.js';

export interface TakeCorrectionsInput extends Corrections {
  /** The first stage of the load. */
  stage: Stage;
  /** `file:` URIs of the waiting rejected rows. */
  rejected: string[];
  /** All stages of the load so far: their files contain the rows that landed. */
  ended: EndedStage[];
  /** The connection that the rows will use; absent from workflows of an earlier version. */
  connection?: string;
  /**
   * A program made them: corrections that would overwrite newer values are left out, instead of refusing the whole
   * file.
   */
  fromFixer: boolean;
  operation: Operation;
  blankAsNull: boolean;
  /** Where the rows to send are written. */
  nextStageUri: string;
  partMaxBytes: number;
}

export interface TakenCorrections extends CorrectionsTaken {
  /** `file:` URI of the rejected rows still waiting. */
  rejected?: string;
  /** Corrections left out because a newer row with their key landed. */
  left?: number;
  next: Stage;
}

export interface GatherRejectedInput {
  outputUri: string;
  runId: string;
  /** `file:` URIs of the pieces, in order. */
  rejected: string[];
  /** Also write a copy in which spreadsheets do not execute cells. @default false */
  defuse?: boolean;
}

export interface GatheredRejected {
  /** `file:` URI. */
  uri: string;
  /** `file:` URI of the copy. */
  forPeople?: string;
}

/** Inputs and results of the activities in `activities/plan`: a source split into the parts of a first stage. */
import type { Operation } from '../../contract/names.js';
import type { FixerName } from './source-types.js';

export interface PlanLoadInput {
  source: string;
  workUri: string;
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  connection: string;
  columns?: Record<string, string>;
  columnsIfPresent?: Record<string, string>;
  constants?: Record<string, string>;
  blankAsNull: boolean;
  delimiter?: string;
  lineEnding?: 'LF' | 'CRLF';
  encoding?: string;
  partMaxBytes: number;
  mapLabels: boolean;
  /** Check every row before anything is sent, and refuse the load if any would fail. */
  checkRows: boolean;
  /** Leave out the rows that would fail: they are rejected. */
  skipBadRows: boolean;
  /** Fields named by fix rules. */
  fixFields?: string[];
  fixer?: FixerName;
}

/** Consecutive parts that go to the platform with the same operation. */
export interface PartGroup {
  operation: Operation;
  externalIdFieldName?: string;
  firstPart: number;
  lastPart: number;
}

/** Records of consecutive parts, at most 500. */
export interface PartSizes {
  /** The first of these parts. */
  from: number;
  records: number[];
}

export interface ReadPartSizesInput {
  stageUri: string;
  /** The first requested part. */
  from: number;
}

/** One pass over rows: the first one, or a retry round. Its folder holds the plan and the results of each part. */
export interface Stage {
  uri: string;
  groups: PartGroup[];
  /** Parts are numbered from 1. */
  parts: number;
  /** Records of some parts: initially the first ones. A list of all would grow with the file. */
  sizes: PartSizes;
  records: number;
  columnDelimiter: string;
  lineEnding: 'LF' | 'CRLF';
  /** API name of the column that identifies rows; absent if none does. */
  key?: string;
}

export interface PlannedLoad {
  stage: Stage;
  /** In the org's spelling. */
  object?: string;
  apiVersion: string;
  /** Rows left out because they would fail. */
  rejected?: { uri: string; rows: number };
  warnings: string[];
}

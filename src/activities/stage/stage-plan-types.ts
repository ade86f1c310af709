/** A plan: where the bytes of a stage lie, how they are cut into parts, and how rows are identified. */
import type { SourceRows } from '../../contract/load-result.js';
import type { Fingerprint } from '../../storage/fingerprint.js';
import type { FileRef } from '../../storage/files/file-ref.js';
import type { Delimiter } from '../../csv/dialect.js';
import type { Column } from '../../csv/columns.js';
import type { PartRange } from '../../csv/plan-parts.js';
import type { PartGroup } from '../../protocol/activities/plan-types.js';

/** How values of the key column are compared; from describe. */
export interface KeyRule {
  /** API name of the column. */
  column: string;
  type?: string;
  caseSensitive?: boolean;
}

/** The file that the load was started with, if it must be read in addition to the sent rows. */
export interface OriginalFile {
  path: FileRef;
  fingerprint: Fingerprint;
  delimiter: Delimiter;
  dataStart: number;
  columns: Column[];
}

/** Rows left out of a load because they would fail, in the format of a rejected file. */
export interface RejectedRows {
  uri: string;
  rows: number;
}

export interface StagePlan {
  /** The file whose bytes are sent: the source, or a rewritten copy. */
  rows: FileRef;
  fingerprint: Fingerprint;
  delimiter: Delimiter;
  lineEnding: 'LF' | 'CRLF';
  /** Header as sent. */
  names: string[];
  parts: PartRange[];
  groups: PartGroup[];
  /** For update, delete and upsert, the platform's key; for insert, the external id if a retry may upsert by it. */
  key?: KeyRule;
  /** API name of a column that names another record: rows with the same parent compete for its lock. */
  parent?: string;
  /** Maximum lengths in characters of the columns that are sent, as far as describe reports them. */
  lengths?: Record<string, number>;
  /** For delete, which sends ids only: the file with the other columns, for people. */
  original?: OriginalFile;
  /** First stage only: the file that the load was started with, to add all its columns to the landed rows. */
  kept?: OriginalFile;
  /** First stage only: the planned source, and the API version. */
  source?: Fingerprint;
  apiVersion?: string;
  /** As the org spells it. */
  object?: string;
  warnings?: string[];
  rejected?: RejectedRows;
  /** First stage only, of a source of many files. */
  sources?: SourceRows[];
}

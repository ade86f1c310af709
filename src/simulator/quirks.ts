/**
 * If no public source documents what the platform does, a switch selects it. The default is the better attested
 * behavior; docs/simulator.md names the source of each.
 */

import { oneOf } from './http/json-shape.js';
import type { Shape } from './http/json-shape.js';

export interface Quirks {
  /** Status of the reply to a create. */
  createStatus: 200 | 201;
  /** `errorCode` of a close after several uploads; its text is certain. */
  severalUploadsCode: 'INVALIDJOB' | 'BULK_API_ERROR';
  /** A PUT with an empty body: refused, or stored as a job without rows. */
  emptyUpload: 'refuse' | 'accept';
  /** A close before any upload: refused, or completes a job without rows. */
  closeWithoutUpload: 'refuse' | 'complete';
  /** A second close while the job waits or runs. */
  closeAgain: 'refuse' | 'accept';
  /** `externalIdFieldName` with an operation other than upsert. */
  externalIdWithoutUpsert: 'refuse' | 'ignore';
  /** Whether a request with a body may have any content type, or needs the documented one. */
  contentTypes: 'any' | 'strict';
  /** Whether a body with `Content-Encoding: gzip` is unpacked or stored as received. */
  gzipUpload: 'unpack' | 'store';
  /** Whether replies are compressed for clients that accept gzip. */
  gzipReplies: boolean;
  /** How a job ends that was Open for more than 24 hours. */
  openTooLong: 'Aborted' | 'Failed' | 'Open';
  /** What fails when the daily batch allocation is used up: the rows of a job, or its creation. */
  batchesUsedUp: 'failJob' | 'refuseCreate';
  /** When a session of limited life expires: this long after it began, or after its last use. */
  sessionEnds: 'afterIssue' | 'afterUse';
  /** Line feeds inside quotes of a job with `lineEnding` LF. */
  lineBreaksInCells: 'accept' | 'refuse';
  /** An additional column in a delete. */
  deleteColumns: 'refuse' | 'ignore';
  /** A duplicate column name. */
  columnTwice: 'refuse' | 'lastWins';
  /** A row with more or fewer cells than the header. */
  unevenRows: 'accept' | 'refuse';
  /** What a blank between a delimiter and a quote fails: the job, or its row. */
  blankBeforeQuote: 'job' | 'row';
  /** What a missing parent fails: its row, or the job. */
  missingParent: 'row' | 'job';
  /** Whether a lookup finds a record that another row of the same 200 creates. */
  parentsInSameChunk: 'unseen' | 'seen';
  /** Rows among which a duplicate upsert key is refused. */
  duplicateKeysWithin: 'chunk' | 'batch' | 'job';
  /** `true`, `false`, `1` and `0`, or the two words alone. */
  booleans: 'xsd' | 'words';
  /** Separator between several fields at the end of `sf__Error`. */
  errorFieldSeparator: ' ' | ',';
  /**
   * Cells of columns whose letter case differs from the field's name, in files of landed rows or in all result files.
   */
  misCasedColumns: 'shown' | 'blank' | 'blankEverywhere';
  /** Delimiter and line ending of result files: those of the job, or always comma and LF. */
  resultDialect: 'job' | 'commaLf';
  /** Quotes around cells of result files. */
  resultQuotes: 'always' | 'needed';
  /** A result file without rows. */
  emptyResults: 'header' | 'empty' | 'noContent';
}

/** Allowed values of each, the default first. */
const VALUES: { readonly [Name in keyof Quirks]: readonly [Quirks[Name], ...Quirks[Name][]] } = {
  createStatus: [200, 201],
  severalUploadsCode: ['INVALIDJOB', 'BULK_API_ERROR'],
  emptyUpload: ['refuse', 'accept'],
  closeWithoutUpload: ['refuse', 'complete'],
  closeAgain: ['refuse', 'accept'],
  externalIdWithoutUpsert: ['refuse', 'ignore'],
  contentTypes: ['any', 'strict'],
  gzipUpload: ['store', 'unpack'],
  gzipReplies: [false, true],
  openTooLong: ['Aborted', 'Failed', 'Open'],
  batchesUsedUp: ['failJob', 'refuseCreate'],
  sessionEnds: ['afterIssue', 'afterUse'],
  lineBreaksInCells: ['accept', 'refuse'],
  deleteColumns: ['refuse', 'ignore'],
  columnTwice: ['refuse', 'lastWins'],
  unevenRows: ['accept', 'refuse'],
  blankBeforeQuote: ['job', 'row'],
  missingParent: ['row', 'job'],
  parentsInSameChunk: ['unseen', 'seen'],
  duplicateKeysWithin: ['chunk', 'batch', 'job'],
  booleans: ['xsd', 'words'],
  errorFieldSeparator: [' ', ','],
  misCasedColumns: ['shown', 'blank', 'blankEverywhere'],
  resultDialect: ['job', 'commaLf'],
  resultQuotes: ['always', 'needed'],
  emptyResults: ['header', 'empty', 'noContent'],
};

const entries = Object.entries(VALUES) as [keyof Quirks, readonly unknown[]][];

export const DEFAULT_QUIRKS = Object.fromEntries(entries.map(([name, [first]]) => [name, first])) as unknown as Quirks;

export const QUIRK_KINDS = Object.fromEntries(
  entries.map(([name, values]) => [name, oneOf(values)]),
) as unknown as Shape<Quirks>;

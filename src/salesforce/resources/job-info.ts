/** An ingest job as the platform describes it. Which fields are present depends on the call and the job's phase. */
import { API_NAME, PLATFORM_ID } from '../../domain/name-and-number-limits.js';
import type { Operation } from '../../contract/names.js';
import { asArray, asCount, asNumber, asObject, asText } from './json.js';
import { defined } from '../../domain/defined.js';

export type ColumnDelimiter = 'COMMA' | 'BACKQUOTE' | 'CARET' | 'PIPE' | 'SEMICOLON' | 'TAB';

export interface JobSpec {
  object: string;
  operation: Operation;
  /** Sent for upsert only: with other operations the platform may refuse it. */
  externalIdFieldName?: string;
  assignmentRuleId?: string;
  /** @default 'COMMA' */
  columnDelimiter?: ColumnDelimiter;
  /** Must match the uploaded bytes. @default 'LF' */
  lineEnding?: 'LF' | 'CRLF';
}

export interface JobInfo {
  id: string;
  /** `Open`, `UploadComplete`, `InProgress`, `JobComplete`, `Failed`, `Aborted`; others may be added. */
  state: string;
  object?: string;
  operation?: string;
  externalIdFieldName?: string;
  createdById?: string;
  createdDate?: string;
  /** When the job last changed; for an ended job, when it ended. */
  systemModstamp?: string;
  /** `66.0`. */
  apiVersion?: string;
  jobType?: string;
  columnDelimiter?: string;
  lineEnding?: string;
  /** Includes failed rows. Absent in replies to create, close and abort, and before the upload. */
  numberRecordsProcessed?: number;
  numberRecordsFailed?: number;
  /** Of a failed job. */
  errorMessage?: string;
  retries?: number;
  /** Milliseconds, like the next two. */
  totalProcessingTime?: number;
  apiActiveProcessingTime?: number;
  apexProcessingTime?: number;
}

/** The body of the create request. */
export function jobRequest(spec: JobSpec): Record<string, string> {
  return {
    object: spec.object,
    operation: spec.operation,
    ...(spec.operation === 'upsert' && spec.externalIdFieldName !== undefined
      ? { externalIdFieldName: spec.externalIdFieldName }
      : {}),
    ...defined({ assignmentRuleId: spec.assignmentRuleId }),
    contentType: 'CSV',
    columnDelimiter: spec.columnDelimiter ?? 'COMMA',
    lineEnding: spec.lineEnding ?? 'LF',
  };
}

/** The API version is a number on the wire, and `66` where `66.0` is meant. */
function versionText(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value.toFixed(1) : asText(value);
}

/** Values of a reply are written to histories and terminals, so only well-formed ones are accepted. */
const WORD = /^[A-Za-z]{1,40}$/;
const TIME = /^\d{4}-[\d-]{2,5}T[\d:.]{2,20}(?:Z|[+-][\d:]{2,6})?$/;

function asWord(value: unknown, form: RegExp): string | undefined {
  const text = asText(value);
  return text !== undefined && form.test(text) ? text : undefined;
}

/** `undefined` if it is not a job: every job has an id and a state. */
export function parseJobInfo(value: unknown): JobInfo | undefined {
  const job = asObject(value);
  const id = asWord(job?.['id'], PLATFORM_ID);
  const state = asWord(job?.['state'], WORD);
  if (job === undefined || id === undefined || state === undefined) return undefined;
  return {
    id,
    state,
    ...defined({
      object: asWord(job['object'], API_NAME),
      operation: asWord(job['operation'], WORD),
      externalIdFieldName: asWord(job['externalIdFieldName'], API_NAME),
      createdById: asWord(job['createdById'], PLATFORM_ID),
      createdDate: asWord(job['createdDate'], TIME),
      systemModstamp: asWord(job['systemModstamp'], TIME),
      apiVersion: versionText(job['apiVersion']),
      jobType: asWord(job['jobType'], API_NAME),
      columnDelimiter: asWord(job['columnDelimiter'], WORD),
      lineEnding: asWord(job['lineEnding'], WORD),
      numberRecordsProcessed: asCount(job['numberRecordsProcessed']),
      numberRecordsFailed: asCount(job['numberRecordsFailed']),
      errorMessage: asText(job['errorMessage']),
      retries: asNumber(job['retries']),
      totalProcessingTime: asNumber(job['totalProcessingTime']),
      apiActiveProcessingTime: asNumber(job['apiActiveProcessingTime']),
      apexProcessingTime: asNumber(job['apexProcessingTime']),
    }),
  };
}

export interface JobPage {
  jobs: JobInfo[];
  /** Link to the next page: check it before following it. */
  next?: string;
}

/** Maximum jobs of a page: the platform sends a thousand. */
const MAX_JOBS = 2_000;

export function parseJobPage(value: unknown): JobPage | undefined {
  const page = asObject(value);
  if (page === undefined || !Array.isArray(page['records']) || page['records'].length > MAX_JOBS) return undefined;
  const next = page['done'] === true ? undefined : asText(page['nextRecordsUrl']);
  return {
    jobs: asArray(page['records']).flatMap((job) => parseJobInfo(job) ?? []),
    ...defined({ next }),
  };
}

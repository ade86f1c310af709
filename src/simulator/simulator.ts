/** The interface of a running simulated org for the test or the program that started it. */
import type { Ledger } from './http/request-log.js';
import type { Job } from './jobs/job.js';
import type { StoredRecord } from './org/table.js';
import type { Fault } from './http/faults.js';
import type { PlannedFailure } from './jobs/job-types.js';
import type { RowRule } from './org-folder/object-file.js';
import type { SkippedRule } from './org/rules/validation-rules.js';
import type { UnevaluatedRule } from './org-folder/unevaluated-rules.js';
import type { LoginFailure } from './auth/oauth.js';

export interface OrgAccount {
  username: string;
  userId: string;
  token: string;
}

export interface Simulator {
  url: string;
  token: string;
  /** Key of the control API: the header `x-simulator-key` of its requests. */
  controlKey: string;
  /** The users of the org, the one of `token` first. */
  users: readonly OrgAccount[];
  /** What the org's folder contains and the org does not do, with the reason. */
  unevaluatedRules: readonly UnevaluatedRule[];
  /** Validation rules that were not evaluated for some rows so far: the rows change records that are only assumed. */
  skippedRules(): (SkippedRule & { object: string })[];
  ledger: Ledger;
  jobs(): Job[];
  records(object: string): StoredRecord[];
  seedRecords(object: string, rows: readonly Record<string, string>[]): string[];
  fault(fault: Fault): void;
  /** Replaces the row rules of an object that were set like this before; those of the folder and the options stay. */
  setRowRules(object: string, rules: readonly RowRule[]): void;
  /** Removes faults and login failures that are still pending. */
  clearFaults(): void;
  /**
   * The next job that is created fails after this many of its rows. With `losesRest`, its other rows are in no result
   * file, like those beyond the daily allocation; with `times`, this many consecutive jobs fail.
   */
  failNextJobAfter(records: number, options?: Omit<PlannedFailure, 'records'>): void;
  /** An access token of another user of the org, with the same access. */
  tokenOfAnotherUser(): string;
  /** Revokes all access tokens, including the initial one. */
  expireTokens(): void;
  /** Refuses the next calls for a token like this. */
  failLogins(failure: LoginFailure, times?: number): void;
  /**
   * When something happens next in the org without a request, such as the end of a transaction; undefined for never. A
   * clock of one's own can be set to it, so that no time passes in which nothing happens.
   */
  nextEventAt(): number | undefined;
  setRecordsPerSecond(recordsPerSecond: number): Promise<void>;
  close(): Promise<void>;
}

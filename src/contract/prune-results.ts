/** Input and result of the removal of old result files. */
import type { Duration } from './names.js';

/** The input of `pruneResults`. */
export interface PruneResultsInput {
  /** Only loads that ended longer ago, and only files that are older. At least one day. */
  olderThan: Duration;
  /** Remove nothing: only report what would be removed. @default false */
  dryRun?: boolean;
}

/** A load whose files were removed, or would be. */
export interface PrunedLoad {
  loadId: string;
  /** When it ended, or its newest file was written, whichever is later. Milliseconds since 1970. */
  endedAt: number;
  /** Temporal no longer knows the load. */
  forgotten: boolean;
  files: number;
  bytes: number;
}

/** A folder that stays until a person has looked at it. */
export interface UnclearResults {
  loadId: string;
  code: string;
  message: string;
}

export interface PruneResultsResult {
  dryRun: boolean;
  /** How many loads, files and bytes were removed, or would be. */
  loads: number;
  files: number;
  bytes: number;
  /** The first of these loads, in the order of their ids. */
  listed: (PrunedLoad & { host?: string })[];
  /** Loads that run. */
  running: number;
  /** Loads that ended too recently, or have newer files. */
  recent: number;
  /** Folders that need a person. */
  unclear: number;
  /** The first of them. */
  listedUnclear: (UnclearResults & { host?: string })[];
  /** Hosts whose workers did not do it, with the code of what went wrong. */
  failedHosts: { host: string; code: string }[];
  /** False if there may be more: run it again. */
  complete: boolean;
}

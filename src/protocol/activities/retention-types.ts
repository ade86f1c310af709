/** Input and result of the activity in `activities/retention`: it removes old result files, some folders at a time. */
import type { PrunedLoad, UnclearResults } from '../../contract/prune-results.js';

export interface PruneOutputInput {
  /** Only what ended, and was written, before this moment. Milliseconds since 1970. */
  before: number;
  dryRun: boolean;
  /** First folder that was not examined yet. @default the first one */
  from?: string;
  /** How many loads, and unclear folders, the result may list. */
  list: { loads: number; unclear: number };
}

export interface PrunedOutput {
  outputUri: string;
  /** Folder to continue from; absent at the end. */
  next?: string;
  /** The output has more folders than are ever examined. */
  tooMany: boolean;
  loads: number;
  files: number;
  bytes: number;
  listed: PrunedLoad[];
  running: number;
  recent: number;
  unclear: number;
  listedUnclear: UnclearResults[];
}

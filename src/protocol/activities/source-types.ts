/** Inputs and results of the activities in `activities/source`: where a source is, and who may load it. */
import type { Operation, SearchAttributeName } from '../../contract/names.js';

/** The user's own activity, and its queue. */
export interface FixerName {
  activity: string;
  taskQueue: string;
}

/** What a load is going to do, limited to what may be forbidden; absent from workflows of an earlier version. */
export interface LoadWish {
  object?: string;
  operation?: Operation;
  externalIdFieldName?: string;
  fixer?: FixerName;
  /** Where the results are written, unless it is the worker's own folder. */
  output?: string;
}

export interface LocateSourceInput extends LoadWish {
  connection: string;
  source: string;
  loadId: string;
  /** Stays the same over continue-as-new and reset: names the folder of this execution's working files. */
  executionId: string;
  /** Id of the schedule that started the load. */
  schedule?: string;
  /** Refuse a load if an earlier execution landed rows, or may have. @default false */
  refuseLanded?: boolean;
}

export interface LocatedSource {
  /** Queue of the workers that share this folder; `ANY_WORKER` if source and results lie in an object store. */
  filesQueue: string;
  /** Host of the worker that saw the source; absent for `ANY_WORKER`, and from a worker of an earlier version. */
  host?: string;
  /** URI of `<output>/<loadId>/`. */
  outputUri: string;
  /** URI of the folder for this execution's working files. */
  workUri: string;
  searchAttributes: SearchAttributeName[];
  /** After how long a wait is worth a message, in milliseconds; absent if no rule names such loads. */
  notifyWaits?: number[];
}

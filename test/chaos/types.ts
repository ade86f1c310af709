/** A chaos case as data: a load, what goes wrong during it, and how it must end. */
import type { LoadState } from '../../src/contract/load-result.js';
import type { Fault, RequestKind } from '../../src/simulator/index.js';

export interface LoadPlan {
  /** `keyed insert` names its external id, so that its retry may be an upsert. */
  operation: 'insert' | 'keyed insert' | 'upsert' | 'delete';
  /** Big objects are for inserts only. @default 'Account' */
  object?: 'Account' | 'Reading__b';
  rows: number;
  parts: number;
  /** This many rows are locked at their first attempt, so that the retry has work. */
  locked?: number;
  /** Padding per row, for uploads that exceed a connection's buffers. */
  bytesPerRow?: number;
  /** @default as fast as possible */
  recordsPerSecond?: number;
}

/** The n-th request of a kind has arrived. */
export interface Moment {
  kind: RequestKind;
  /** Only requests with this text in their path. */
  path?: string;
  /** @default 1 */
  nth?: number;
  /**
   * Keeps the worker inside the step: the request is not answered, `before` or `after` it is carried out. `stored`: not
   * held, but the rows of the upload have just been stored.
   */
  held?: 'before' | 'after' | 'stored';
  /** Milliseconds between the moment and the act. @default 150 when held, else 0 */
  delay?: number;
}

/**
 * - `kill`: SIGKILL of the worker, another one is started at once; `killLater`: 15 s afterwards;
 * - `term`: SIGTERM, another one is started at once;
 * - `killServer`: SIGKILL of the Temporal server, and a start on the same database; `killBoth`: server and worker;
 * - `newToken`: the worker ends by SIGTERM, the next one has a new access token;
 * - `terminate`, `reset`: of the load (`''`) or of the child with that name, to its first or last workflow task.
 */
export type Act =
  | 'kill'
  | 'killLater'
  | 'term'
  | 'killServer'
  | 'killBoth'
  | 'cancel'
  | 'newToken'
  | { terminate: string }
  | { reset: string; to: 'first' | 'last' };

export interface Trouble {
  at: Moment;
  act: Act;
}

export interface Case {
  name: string;
  load: LoadPlan;
  /** `token` is preset and cannot be renewed. @default 'clientCredentials' */
  login?: 'clientCredentials' | 'token';
  faults?: Fault[];
  /** The first job fails after this many of its rows. */
  failsJob?: { records: number; errorMessage: string };
  troubles?: Trouble[];
  /** How it may end. `terminated` leaves no result, but no Open job either. @default Completed, with every row */
  ends?: (LoadState | 'terminated')[];
  /** A trouble whose moment never comes is not a failure: for random choices. */
  loose?: boolean;
  /** Takes a minute or more, mostly waiting. */
  slow?: boolean;
  /**
   * Searches for unrecorded jobs, and asks Temporal which of them belong to running loads: the orgs of all cases number
   * their jobs alike, so on a shared server it would find those of other cases.
   */
  looksForJobs?: boolean;
}

/** A case in the table. */
export interface Told {
  name: string;
  happened: string;
  seconds: number;
  /** Seconds from each `kill -9` of the worker to the next request, or to the end of the load if there was none. */
  wentOnAfter: number[];
  complaints: string[];
}

export function expectedEnds({ ends = ['Completed'] }: Case): readonly string[] {
  return ends;
}

export function needsOwnServer({ troubles = [], looksForJobs = false }: Case): boolean {
  return looksForJobs || troubles.some(({ act }) => act === 'killServer' || act === 'killBoth');
}

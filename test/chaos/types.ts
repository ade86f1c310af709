/** A case of the chaos suite as data: a load, what goes wrong during it, and how it must end. */
import type { LoadState } from '../../src/contract.js';
import type { Fault, RequestKind } from '../../src/simulator/index.js';

export interface LoadPlan {
  /** `keyed insert` names its external id, so that its retry may be an upsert. */
  operation: 'insert' | 'keyed insert' | 'upsert' | 'delete';
  /** Big objects are for inserts only. @default 'Account' */
  object?: 'Account' | 'Reading__b';
  rows: number;
  parts: number;
  /** So many rows find their record locked at their first try, so that the retry has work. */
  locked?: number;
  /** Padding of each row, for uploads that do not fit into the buffers of a connection. */
  bytesPerRow?: number;
  /** @default as fast as it goes */
  recordsPerSecond?: number;
}

/** The n-th request of a kind has arrived. */
export interface Moment {
  kind: RequestKind;
  /** Only requests with this in their path. */
  path?: string;
  /** @default 1 */
  nth?: number;
  /**
   * So that the worker is inside the step for certain: the request is not answered, `before` or `after` what it asks
   * for is done. `stored`: not held, but the rows of the upload have just been stored.
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
 * - `terminate`, `reset`: of the load (`''`) or of the child of that name, to its first or last workflow task.
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
  /** `token` is ready and cannot be renewed. @default 'clientCredentials' */
  login?: 'clientCredentials' | 'token';
  faults?: Fault[];
  /** The first job fails, once so many of its rows are through. */
  failsJob?: { records: number; errorMessage: string };
  troubles?: Trouble[];
  /** How it may end. `terminated` leaves no result, but nothing Open either. @default Completed, with every row */
  ends?: (LoadState | 'terminated')[];
  /** Troubles whose moment does not come are no failure: random choices. */
  loose?: boolean;
  /** Takes a minute or more, nearly all of it waiting. */
  slow?: boolean;
  /**
   * Looks for jobs that nobody knows, and asks Temporal which of them belong to running loads: the orgs of all cases
   * number their jobs alike, so on a shared server it would meet those of other cases.
   */
  looksForJobs?: boolean;
}

/** What is told of a case in the table. */
export interface Told {
  name: string;
  happened: string;
  seconds: number;
  /** Seconds from each `kill -9` of the worker to the next request, or to the end of the load when none was left. */
  wentOnAfter: number[];
  complaints: string[];
}

export function expectedEnds({ ends = ['Completed'] }: Case): readonly string[] {
  return ends;
}

export function needsOwnServer({ troubles = [], looksForJobs = false }: Case): boolean {
  return looksForJobs || troubles.some(({ act }) => act === 'killServer' || act === 'killBoth');
}

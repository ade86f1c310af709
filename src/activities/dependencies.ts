/** What activities need from the process that runs them. */
import { NightloadError } from '../errors.js';
import type { SearchAttributeName } from '../contract.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import { DEFAULT_ALLOCATION } from '../salesforce/connections-allocation.js';
import type { Allocation } from '../salesforce/connections-allocation.js';
import type { FileRoots } from '../storage/roots.js';

/** A load that runs, one that has ended, or nobody that this namespace knows. */
export type JobOwner = 'running' | 'ended' | 'unknown';

export interface ActivityDependencies {
  /** Open connections by name. */
  connections: ReadonlyMap<string, SalesforceConnection>;
  /** How much of an org's rolling limits its connections may use, by their names; the platform's own limits where none stands. */
  allocations?: ReadonlyMap<string, Allocation>;
  roots: FileRoots;
  /** Queue of the workers that share these folders. */
  filesQueue: string;
  /** `file:` prefix for loads that name no output. */
  defaultOutput: string;
  /** Which of nightload's search attributes the namespace knows. */
  searchAttributes: () => Promise<SearchAttributeName[]>;
  /** Whose a job is, by the job ids that workflows note; `unknown` also where that cannot be told. */
  ownerOf: (jobId: string) => Promise<JobOwner>;
  /** Ids of the workflows that note a job, at most a few; none where that cannot be told. */
  workflowsOf: (jobId: string) => Promise<string[]>;
}

/** @throws NightloadError `CONNECTION_NOT_CONFIGURED` */
export function connectionOf(dependencies: ActivityDependencies, name: string): SalesforceConnection {
  const connection = dependencies.connections.get(name);
  if (connection !== undefined) return connection;
  const known = [...dependencies.connections.keys()].join(', ');
  throw new NightloadError(
    'CONNECTION_NOT_CONFIGURED',
    `The worker has no connection "${name}"${known === '' ? ': it has none at all' : ` (it has: ${known})`}. ` +
      'Set SF_INSTANCE_URL and SF_ACCESS_TOKEN, or another form of login, in the environment of the worker, or add it to its ' +
      'connections file (NIGHTLOAD_CONNECTIONS), and restart it.',
  );
}

/** Plain data, to be handed to a workflow; the defaults for a connection of which nothing was said. */
export function allocationOf(dependencies: ActivityDependencies, name: string): Allocation {
  return { ...(dependencies.allocations?.get(name) ?? DEFAULT_ALLOCATION) };
}

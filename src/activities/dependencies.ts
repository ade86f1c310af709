/** What activities need from the process that runs them. */
import { NightloadError } from '../errors.js';
import type { SearchAttributeName } from '../contract.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import type { FileRoots } from '../storage/roots.js';

/** A load that runs, one that has ended, or nobody that this namespace knows. */
export type JobOwner = 'running' | 'ended' | 'unknown';

export interface ActivityDependencies {
  /** Open connections by name. */
  connections: ReadonlyMap<string, SalesforceConnection>;
  roots: FileRoots;
  /** Queue of the workers that share these folders. */
  filesQueue: string;
  /** `file:` prefix for loads that name no output. */
  defaultOutput: string;
  /** Which of nightload's search attributes the namespace knows. */
  searchAttributes: () => Promise<SearchAttributeName[]>;
  /** Whose a job is, by the job ids that workflows note; `unknown` also where that cannot be told. */
  ownerOf: (jobId: string) => Promise<JobOwner>;
}

/** @throws NightloadError `CONNECTION_NOT_CONFIGURED` */
export function connectionOf(dependencies: ActivityDependencies, name: string): SalesforceConnection {
  const connection = dependencies.connections.get(name);
  if (connection !== undefined) return connection;
  const known = [...dependencies.connections.keys()].join(', ');
  throw new NightloadError(
    'CONNECTION_NOT_CONFIGURED',
    `The worker has no connection "${name}"${known === '' ? ': it has none at all' : ` (it has: ${known})`}. ` +
      'Set SF_INSTANCE_URL and SF_ACCESS_TOKEN, or another form of login, in the environment of the worker and restart it.',
  );
}

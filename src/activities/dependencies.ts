/** What activities need from the process that runs them. */
import { Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { NightloadError } from '../errors.js';
import type { SearchAttributeName } from '../contract.js';
import { plainText } from '../plain-text.js';
import { refuseByName, refuseUnlessAllowed } from '../salesforce/allow.js';
import type { Allow, Wish } from '../salesforce/allow.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import { DEFAULT_ALLOCATION } from '../salesforce/connections-allocation.js';
import type { Allocation } from '../salesforce/connections-allocation.js';
import type { FileRoots } from '../storage/roots.js';
import type { FixerName } from './types.js';

/** A load that runs, one that has ended, or nobody that this namespace knows. */
export type JobOwner = 'running' | 'ended' | 'unknown';

/** Who called a step, as Temporal tells it. */
export type Caller = Pick<Info, 'workflowExecution' | 'workflowType' | 'taskQueue' | 'activityType'>;

export interface ActivityDependencies {
  /** Open connections by name. */
  connections: ReadonlyMap<string, SalesforceConnection>;
  /** How much of an org's rolling limits its connections may use, by their names; the platform's own limits where none stands. */
  allocations?: ReadonlyMap<string, Allocation>;
  /** What connections may be used for, by their names; those that are not limited are not there. */
  allows?: ReadonlyMap<string, Allow>;
  /** Fixers that loads may name, as `activity@taskQueue`. @default none */
  fixers?: ReadonlySet<string>;
  roots: FileRoots;
  /** Bytes that a packed source may unpack to. @default 50 GB */
  maxUnpackedBytes?: number;
  /** Queue of the workers that share these folders. */
  filesQueue: string;
  /** `file:` prefix for loads that name no output. */
  defaultOutput: string;
  /** Which of nightload's search attributes the namespace knows. */
  searchAttributes: () => Promise<SearchAttributeName[]>;
  /**
   * Whether a step may be done for the workflow that called it: one of these types, on this worker's queue. Where nobody
   * can tell, as without a server, every caller may.
   * @throws ApplicationFailure `CALLER_REFUSED`
   */
  admit?: (caller: Caller, types: readonly string[]) => Promise<void>;
  /** Whose a job is, by the job ids that workflows note; `unknown` also where that cannot be told. */
  ownerOf: (jobId: string) => Promise<JobOwner>;
  /** Ids of the workflows that note a job, at most a few; none where that cannot be told. */
  workflowsOf: (jobId: string) => Promise<string[]>;
}

/**
 * Every step that speaks to an org takes its connection from here.
 * @param wish what for; the task queue is always looked at
 * @throws NightloadError `CONNECTION_NOT_CONFIGURED`, `NOT_ALLOWED`
 */
export function connectionOf(
  dependencies: ActivityDependencies,
  name: string,
  wish: Pick<Wish, 'object' | 'operation'> = {},
): SalesforceConnection {
  const connection = dependencies.connections.get(name);
  if (connection !== undefined) {
    const allow = dependencies.allows?.get(name);
    if (allow !== undefined) refuseByName(name, allow, { ...wish, taskQueue: sharedQueue(dependencies) });
    return connection;
  }
  const known = [...dependencies.connections.keys()].join(', ');
  throw new NightloadError(
    'CONNECTION_NOT_CONFIGURED',
    `The worker has no connection "${name}"${known === '' ? ': it has none at all' : ` (it has: ${known})`}. ` +
      'Set SF_INSTANCE_URL and SF_ACCESS_TOKEN, or another form of login, in the environment of the worker, or add it to its ' +
      'connections file (NIGHTLOAD_CONNECTIONS), and restart it.',
  );
}

/**
 * Before a source is looked at, or corrections of it.
 * @throws NightloadError `NOT_ALLOWED`
 */
export async function permit(dependencies: ActivityDependencies, name: string, wish: Wish): Promise<void> {
  const allow = dependencies.allows?.get(name);
  if (allow !== undefined) await refuseUnlessAllowed(name, allow, { ...wish, taskQueue: sharedQueue(dependencies) });
}

/**
 * Before a load begins: whoever starts one may not name any activity of any queue.
 * @throws NightloadError `NOT_ALLOWED`
 */
export function permitFixer({ fixers }: ActivityDependencies, fixer: FixerName | undefined): void {
  if (fixer === undefined) return;
  const name = `${fixer.activity}@${fixer.taskQueue}`;
  if (fixers?.has(name) === true) return;
  const allowed = plainText([...(fixers ?? [])].join(', '), 600);
  throw new NightloadError(
    'NOT_ALLOWED',
    `The worker does not permit the fixer ${plainText(name, 200)}. Allowed fixers: ${allowed || 'none'}. ` +
      'Whoever runs the worker can permit more: NIGHTLOAD_FIXERS (activity@taskQueue, separated by commas).',
  );
}

/** Steps on files have a queue of their own beside that of their worker. */
function sharedQueue({ filesQueue }: ActivityDependencies): string {
  const { taskQueue } = Context.current().info;
  const end = taskQueue === filesQueue ? taskQueue.lastIndexOf('-files-') : -1;
  return end === -1 ? taskQueue : taskQueue.slice(0, end);
}

/** Plain data, to be handed to a workflow; the defaults for a connection of which nothing was said. */
export function allocationOf(dependencies: ActivityDependencies, name: string): Allocation {
  return { ...(dependencies.allocations?.get(name) ?? DEFAULT_ALLOCATION) };
}

/** What activities need from the process that runs them. */
import { Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { shown } from '../domain/text/shown.js';
import { sharedQueueOf } from '../domain/file-groups.js';
import { NightloadError } from '../errors.js';
import type { SearchAttributeName } from '../contract/names.js';
import { plainText } from '../domain/text/plain-text.js';
import { refuseByName, refuseUnlessAllowed } from '../salesforce/config/allow-list.js';
import type { Allow, Wish } from '../salesforce/config/allow-list.js';
import type { SalesforceConnection } from '../salesforce/bulk-client.js';
import { DEFAULT_ALLOCATION } from '../domain/platform/allocation-settings.js';
import type { Allocation } from '../domain/platform/allocation-settings.js';
import type { FileRoots } from '../storage/files/file-roots.js';
import type { Notifier } from './notify/notifier.js';
import type { FixerName } from '../protocol/activities/source-types.js';

/** A running load, an ended load, or none that this namespace knows. */
export type JobOwner = 'running' | 'ended' | 'unknown';

/** The caller of a step, as Temporal reports it. */
export type Caller = Pick<Info, 'workflowExecution' | 'workflowType' | 'taskQueue' | 'activityType'>;

export interface Execution {
  workflowId: string;
  runId: string;
}

/** A load, as Temporal reports it. */
export interface CallingLoad extends Execution {
  /** Stays the same after continue-as-new and reset. */
  firstRunId: string;
}

export interface ActivityDependencies {
  /** Open connections by name. */
  connections: ReadonlyMap<string, SalesforceConnection>;
  /**
   * Share of an org's rolling limits that each connection may use, by connection name. A connection that is not listed
   * may use the platform's full limits.
   */
  allocations?: ReadonlyMap<string, Allocation>;
  /** Permitted uses of each connection, by name. A connection that is not listed is unrestricted. */
  allows?: ReadonlyMap<string, Allow>;
  /** Fixers that loads may name, as `activity@taskQueue`. @default none */
  fixers?: ReadonlySet<string>;
  /** Who is told about loads. @default nobody */
  notifier?: Notifier | undefined;
  /** Address of the Temporal UI, with a `/` at its end. @default no links */
  uiUrl?: string | undefined;
  roots: FileRoots;
  /** Maximum unpacked size of a packed source, in bytes. @default 50 GB */
  maxUnpackedBytes?: number;
  /** Task queue of the workers that share these folders. */
  filesQueue: string;
  /** Task queue of the workers that use object stores; absent if this one does not. */
  objectsQueue?: string;
  /** `file:` prefix for loads that name no output. */
  defaultOutput: string;
  /** The nightload search attributes that exist in the namespace. */
  searchAttributes: () => Promise<SearchAttributeName[]>;
  /**
   * Checks that a step may run for its calling workflow: one of these types, on this worker's task queue. If this
   * cannot be checked, for example without a server, every caller is admitted.
   * @throws ApplicationFailure `CALLER_REFUSED`
   */
  admit?: (caller: Caller, types: readonly string[]) => Promise<void>;
  /**
   * Whether the execution is the run of a part that a load started, on any task queue, and it existed at the given
   * moment or later. A part that was terminated since may still have a running job. True when unknown.
   */
  isPart?: (execution: Execution, at: number) => Promise<boolean>;
  /** The load that a step runs for: its caller, or the parent of the calling part. Undefined when unknown. */
  loadOf?: (caller: Caller) => Promise<CallingLoad | undefined>;
  /** Owner of a job, from the job ids that workflows record; `unknown` also on servers that never answer. */
  ownerOf: (jobId: string) => Promise<JobOwner>;
  /** Ids of the workflows that record a job, at most a few; none on servers that never answer. */
  workflowsOf: (jobId: string) => Promise<string[]>;
}

/**
 * Every step that calls an org gets its connection here.
 * @param wish the intended use; the task queue is always checked
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
    `The worker has no connection ${shown(name)}${known === '' ? '; none is configured' : ` (it has: ${known})`}. ` +
      'Set SF_INSTANCE_URL and SF_ACCESS_TOKEN, or another login, in the environment of the worker, or add it to its ' +
      'connections file (NIGHTLOAD_CONNECTIONS), and restart it.',
  );
}

/**
 * Call before reading a source or its corrections.
 * @throws NightloadError `NOT_ALLOWED`
 */
export async function permit(dependencies: ActivityDependencies, name: string, wish: Wish): Promise<void> {
  const allow = dependencies.allows?.get(name);
  if (allow !== undefined) await refuseUnlessAllowed(name, allow, { ...wish, taskQueue: sharedQueue(dependencies) });
}

/**
 * Call before a load begins: a caller must not be able to name any activity on any task queue.
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
      'The operator of the worker can permit more: NIGHTLOAD_FIXERS (activity@taskQueue, separated by commas).',
  );
}

/** Steps on files have their own task queues next to their worker's. */
function sharedQueue({ filesQueue }: ActivityDependencies): string {
  return sharedQueueOf(Context.current().info.taskQueue, filesQueue);
}

/** A copy as plain data, to pass to a workflow; the defaults for a connection without settings. */
export function allocationOf(dependencies: ActivityDependencies, name: string): Allocation {
  return { ...(dependencies.allocations?.get(name) ?? DEFAULT_ALLOCATION) };
}

/** nightload's search attributes on a Temporal server: created if allowed, used only if known. */
import { NightloadError } from '../../errors.js';
import type { NativeConnection } from '@temporalio/worker';
import type { JobOwner } from '../../activities/dependencies.js';
import { SEARCH_ATTRIBUTES } from '../../contract/names.js';
import type { SearchAttributeName } from '../../contract/names.js';

/** Values of `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_TYPES = { KEYWORD: 2, INT: 3, KEYWORD_LIST: 7 } as const;

const NAMES = Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];

/** Those that the namespace knows with the right type; none if it does not report them. */
export async function knownSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<SearchAttributeName[]> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return NAMES.filter((name) => customAttributes[name] === INDEXED_TYPES[SEARCH_ATTRIBUTES[name]]);
  } catch {
    // Not allowed, or a server without the operator service: loads work without search attributes.
    return [];
  }
}

/** Creates missing ones, if this user may. */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const known = await knownSearchAttributes(connection, namespace);
  const missing = NAMES.filter((name) => !known.includes(name));
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, INDEXED_TYPES[SEARCH_ATTRIBUTES[name]]])),
    });
  } catch {
    // An administrator creates them there; the docs name them.
  }
}

type Listed = { workflowId: string; runId: string };

/** A job is recorded by no more workflows than this. */
const MAX_LISTED = 20;

async function notedBy(connection: NativeConnection, namespace: string, jobId: string): Promise<Listed[]> {
  const query = `NightloadJobIds = '${jobId}'`;
  const { workflowService } = connection;
  const { executions } = await workflowService.listWorkflowExecutions({ namespace, query, pageSize: MAX_LISTED });
  const listed = executions.map(({ execution }) => ({
    workflowId: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
  }));
  const ours = await Promise.all(listed.map((one) => isPartOfLoad(connection, namespace, one)));
  return listed.filter((_, n) => ours[n]);
}

/**
 * The client that starts a workflow sets its search attributes; for a part, the load starts it and the part sets them.
 * So only those of parts count.
 */
async function isPartOfLoad(connection: NativeConnection, namespace: string, execution: Listed): Promise<boolean> {
  const { workflowExecutionInfo: info } = await connection.workflowService
    .describeWorkflowExecution({ namespace, execution })
    .catch((error: unknown) => {
      // Removed since it was listed.
      if (statusOf(error) === NOT_FOUND) return { workflowExecutionInfo: undefined };
      throw error;
    });
  const parent = info?.parentExecution?.workflowId;
  if (!['ingestJob', 'retryFailedRows'].includes(info?.type?.name ?? '') || !parent) return false;
  return execution.workflowId.startsWith(`${parent}/`);
}

/** gRPC status codes. */
const NOT_FOUND = 5;
/** Invalid argument, permission denied, not implemented: the server does not know the attribute, or never answers. */
const NEVER_ANSWERED: readonly unknown[] = [3, 7, 12];

const statusOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code;

/**
 * A server that is away must not make a job nobody's: the step asks again.
 * @throws NightloadError `TEMPORAL_FAILED`, retryable
 */
function unlessAway<T>(error: unknown, otherwise: T): T {
  if (NEVER_ANSWERED.includes(statusOf(error))) return otherwise;
  throw new NightloadError('TEMPORAL_FAILED', 'Temporal did not answer which workflows list a job. Retrying.', {
    retryable: true,
    cause: error,
  });
}

/**
 * The owner of a job, by the workflows' `NightloadJobIds`; `unknown` on servers without that attribute.
 * @throws NightloadError `TEMPORAL_FAILED`, retryable
 */
export async function jobOwner(connection: NativeConnection, namespace: string, jobId: string): Promise<JobOwner> {
  if (!/^[A-Za-z0-9]+$/.test(jobId)) return 'unknown';
  try {
    const query = `NightloadJobIds = '${jobId}' AND ExecutionStatus = 'Running'`;
    const { count } = await connection.workflowService.countWorkflowExecutions({ namespace, query });
    if (Number(count) > 0) return 'running';
    return (await notedBy(connection, namespace, jobId)).length > 0 ? 'ended' : 'unknown';
  } catch (error) {
    return unlessAway(error, 'unknown');
  }
}

/**
 * Ids of the parts that list a job in their `NightloadJobIds`; none on servers without that attribute.
 * @throws NightloadError `TEMPORAL_FAILED`, retryable
 */
export async function jobWorkflows(connection: NativeConnection, namespace: string, jobId: string): Promise<string[]> {
  if (!/^[A-Za-z0-9]+$/.test(jobId)) return [];
  try {
    return [...new Set((await notedBy(connection, namespace, jobId)).map(({ workflowId }) => workflowId))];
  } catch (error) {
    return unlessAway(error, []);
  }
}

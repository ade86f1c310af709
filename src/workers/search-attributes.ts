/** nightload's search attributes on a Temporal server: created where that is allowed, used only where they are known. */
import type { NativeConnection } from '@temporalio/worker';
import type { JobOwner } from '../activities/dependencies.js';
import { SEARCH_ATTRIBUTES } from '../contract.js';
import type { SearchAttributeName } from '../contract.js';

/** Numbers of `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_TYPES = { KEYWORD: 2, INT: 3, KEYWORD_LIST: 7 } as const;

const NAMES = Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];

/** Those that the namespace knows with the right type; none when it does not tell. */
export async function knownSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<SearchAttributeName[]> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return NAMES.filter((name) => customAttributes[name] === INDEXED_TYPES[SEARCH_ATTRIBUTES[name]]);
  } catch {
    // Not allowed, or a server without the operator service: a load works without any.
    return [];
  }
}

/** Creates those that are missing, if this user may. */
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
    // An administrator creates them there; docs name them.
  }
}

/** Whose a job is, by the `NightloadJobIds` of workflows; `unknown` on servers without that attribute. */
export async function jobOwner(connection: NativeConnection, namespace: string, jobId: string): Promise<JobOwner> {
  if (!/^[A-Za-z0-9]+$/.test(jobId)) return 'unknown';
  const count = async (more: string): Promise<number> => {
    const query = `NightloadJobIds = '${jobId}'${more}`;
    return Number((await connection.workflowService.countWorkflowExecutions({ namespace, query })).count);
  };
  try {
    if ((await count(" AND ExecutionStatus = 'Running'")) > 0) return 'running';
    return (await count('')) > 0 ? 'ended' : 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Ids of the workflows that have a job among their `NightloadJobIds`; none on servers without that attribute. */
export async function jobWorkflows(connection: NativeConnection, namespace: string, jobId: string): Promise<string[]> {
  if (!/^[A-Za-z0-9]+$/.test(jobId)) return [];
  try {
    const query = `NightloadJobIds = '${jobId}'`;
    const { executions } = await connection.workflowService.listWorkflowExecutions({ namespace, query, pageSize: 20 });
    return [...new Set(executions.flatMap(({ execution }) => execution?.workflowId ?? []))];
  } catch {
    return [];
  }
}

/**
 * Load id ⇄ workflow id, for everybody who needs one of the other: workflows, client and command. Pure, and safe in the
 * workflow sandbox. A load id names a folder; a workflow id is anything that a parent or a schedule chose.
 */
import { WORKFLOW_ID_PREFIX } from '../contract.js';
import type { BulkLoadInput } from '../contract.js';

const LONGEST_LOAD_ID = 200;

/** The load's id: the input's own, or what follows `bulk-load/` in the workflow id, or the workflow id itself. */
export function loadIdOf(input: Pick<BulkLoadInput, 'loadId'>, workflowId: string): string {
  if (input.loadId !== undefined) return input.loadId;
  const rest = workflowId.startsWith(WORKFLOW_ID_PREFIX) ? workflowId.slice(WORKFLOW_ID_PREFIX.length) : workflowId;
  // A parent may have named its child freely; what cannot be a folder name is replaced.
  return rest.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, LONGEST_LOAD_ID);
}

/** The workflow id of a load that is started by its id; a workflow id is taken as it is. */
export function workflowIdOf(idOrWorkflowId: string): string {
  return idOrWorkflowId.startsWith(WORKFLOW_ID_PREFIX) ? idOrWorkflowId : WORKFLOW_ID_PREFIX + idOrWorkflowId;
}

/**
 * The workflow ids that a load with this id may have, likeliest first. A parent may have left the prefix out, and a
 * schedule puts a time with colons behind its workflow ids, which a load id cannot have.
 */
export function workflowIdsOf(id: string): string[] {
  const scheduled = id.replace(/(T\d\d)-(\d\d)-(\d\dZ)$/, '$1:$2:$3');
  return [...new Set([workflowIdOf(id), id, workflowIdOf(scheduled)])];
}

/** What a person types to reach a load: its load id where that leads to it, else its workflow id. */
export function reachableId(workflowId: string): string {
  const loadId = loadIdOf({}, workflowId);
  return workflowIdsOf(loadId).includes(workflowId) ? loadId : workflowId;
}

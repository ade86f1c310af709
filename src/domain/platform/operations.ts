/** Properties of kinds of operations. Pure. */
import type { Operation } from '../../contract/names.js';

/** Whether records are deleted, recoverably or not: then only ids are sent. */
export function isDelete(operation: Operation): boolean {
  return operation === 'delete' || operation === 'hardDelete';
}

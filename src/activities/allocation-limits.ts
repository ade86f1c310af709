/** The org's own account of its rolling limits: `/limits`. */
import type { OrgLimit } from '../salesforce/limits.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { countedStep } from './step.js';
import type { Counted } from './types.js';

export interface ReadOrgLimitsInput {
  connection: string;
  /** @default the connection's */
  apiVersion?: string;
}

/** What the org does not tell is left out. */
export interface OrgLimitsRead {
  batches?: OrgLimit;
  apiRequests?: OrgLimit;
}

export function readOrgLimits(
  dependencies: ActivityDependencies,
): (input: ReadOrgLimitsInput) => Promise<Counted<OrgLimitsRead>> {
  return countedStep(async (input, { call }) => {
    const connection = connectionOf(dependencies, input.connection);
    const apiVersion = input.apiVersion ?? (await connection.resolveApiVersion(call));
    const { DailyBulkApiBatches: batches, DailyApiRequests: apiRequests } = await connection.limits({
      ...call,
      apiVersion,
    });
    return { ...(batches && { batches }), ...(apiRequests && { apiRequests }) };
  });
}

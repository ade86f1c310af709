/** Reads the org's rolling limits from `/limits`. */
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { LABELS, processMetrics } from '../metrics.js';
import { runCountedActivity } from '../run-activity.js';
import type { OrgLimitsRead, ReadOrgLimitsInput } from '../../protocol/activities/allocation-activities.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import { defined } from '../../domain/defined.js';

export function readOrgLimits(
  dependencies: ActivityDependencies,
): (input: ReadOrgLimitsInput) => Promise<Counted<OrgLimitsRead>> {
  return runCountedActivity(async (input, { call }) => {
    const metrics = processMetrics();
    const connection = connectionOf(dependencies, input.connection);
    const apiVersion = input.apiVersion ?? (await connection.resolveApiVersion(call));
    const { DailyBulkApiBatches: batches, DailyApiRequests: apiRequests } = await connection.limits({
      ...call,
      apiVersion,
    });
    const labels = { connection: LABELS.connection.of(input.connection) };
    if (batches !== undefined) metrics.set('nightload_org_batches_remaining', batches.remaining, labels);
    if (apiRequests !== undefined) metrics.set('nightload_org_api_requests_remaining', apiRequests.remaining, labels);
    return defined({ batches, apiRequests });
  });
}

/** A load from another namespace: the endpoint targets the namespace and task queue of nightload's worker. */
import { createNexusServiceClient } from '@temporalio/workflow';
import type { BulkLoadInput } from 'nightload/contract';
import { nightloadService } from 'nightload/nexus';

export async function loadThroughNexus(input: BulkLoadInput, endpoint = 'nightload'): Promise<string> {
  const nightload = createNexusServiceClient({ service: nightloadService, endpoint });
  const { state, records } = await nightload.executeOperation('bulkLoad', input, { scheduleToCloseTimeout: '24h' });
  return `${state}: ${records.succeeded} of ${records.total}`;
}

/** A test environment whose worker uses the org's ledger. */
import { NativeConnection } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { inject } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import { DEFAULT_ALLOCATION } from '../../src/domain/platform/allocation-settings.js';
import type { Allocation } from '../../src/domain/platform/allocation-settings.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../src/salesforce/config/open-connection.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { FileRoots } from '../../src/storage/files/file-roots.js';
import { startWorker } from '../../src/workers/create-worker.js';
import { ALLOCATION_ID_PREFIX } from '../../src/protocol/messages/allocation-messages.js';
import type { OrgSummary } from '../../src/protocol/messages/allocation-messages.js';
import { accounts, FAST, newLoadId, openWorld } from './load-harness.js';
import type { World } from './load-harness.js';

export const MINUTE = 60_000;
/** In this org a day takes a minute, as in the ledger's window. */
export const DAYS_IN_A_MINUTE = (24 * 60 * MINUTE) / MINUTE;

export interface Governed {
  world: World;
  taskQueue: string;
  start(rows: number, name: string, more?: Partial<BulkLoadInput>): Promise<LoadHandle>;
  ledgerId: string;
  ledger(): Promise<OrgSummary>;
  /** Requests to create a job that the org refused. */
  refused(): number;
  end(): Promise<void>;
}

export async function openGoverned(
  allocation: Partial<Allocation>,
  options: SimulatorOptions = {},
  address = inject('temporalAddress'),
  workflowBundle: WorkflowBundleOption = { codePath: inject('workflowBundlePath') },
): Promise<Governed> {
  const began = Date.now();
  const world = await openWorld({ now: () => began + (Date.now() - began) * DAYS_IN_A_MINUTE, ...options }, address);
  const connection = await NativeConnection.connect({ address });
  const taskQueue = `${world.taskQueue}-governed`;
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: world.org.url, SF_ACCESS_TOKEN: world.org.token });
  const worker = await startWorker({
    connection,
    namespace: 'default',
    taskQueue,
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    allocations: new Map([['default', { ...DEFAULT_ALLOCATION, windowMs: MINUTE, ...allocation }]]),
    roots: await FileRoots.open([world.folder]),
    workflowBundle,
  });
  const ledgerId = ALLOCATION_ID_PREFIX + new URL(world.org.url).host;
  return {
    world,
    taskQueue,
    ledgerId,
    async start(rows, name, more = {}) {
      const keyed = accounts(rows, (row, n) => ({ ...row, External_Id__c: `${name}-${n}` }));
      return startBulkLoad(
        world.client,
        {
          source: await world.csv(keyed),
          object: 'Account',
          operation: 'upsert',
          externalIdFieldName: 'External_Id__c',
          loadId: newLoadId(name),
          ...FAST,
          ...more,
        },
        { taskQueue },
      );
    },
    ledger: () => world.client.workflow.getHandle(ledgerId).query<OrgSummary, [number]>('limits', Date.now()),
    refused: () => world.org.ledger.requests.filter(({ kind, status }) => kind === 'create' && status >= 400).length,
    async end() {
      await worker.stop();
      await connection.close();
      await world.end();
    },
  };
}

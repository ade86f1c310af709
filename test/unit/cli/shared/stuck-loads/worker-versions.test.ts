import type { WorkflowExecutionDescription } from '@temporalio/client';
import { expect, it } from 'vitest';
import type { QueuePoller } from '../../../../../src/domain/task-queue-facts.js';
import { queueLine } from '../../../../../src/cli/shared/stuck-loads/task-queues.js';
import { lacksVersion, versionOfLoad } from '../../../../../src/cli/shared/stuck-loads/worker-versions.js';

const B = { deploymentName: 'nightload', buildId: 'b' };
const poller = (buildId?: string): Pick<QueuePoller, 'deploymentOptions'> => ({
  deploymentOptions: buildId === undefined ? null : { deploymentName: 'nightload', buildId, workerVersioningMode: 2 },
});
const load = (info: object): Pick<WorkflowExecutionDescription, 'raw'> =>
  ({ raw: { workflowExecutionInfo: { versioningInfo: info } } }) as never;

it('a queue lacks the version of a load if only others poll it', () => {
  expect(lacksVersion([poller('a')], B)).toBe(true);
  expect(lacksVersion([poller()], B)).toBe(true);
  expect(lacksVersion([poller('a'), poller('b')], B)).toBe(false);
  // Then the queue has no worker at all, and that is reported.
  expect(lacksVersion([], B)).toBe(false);
});

it('a load has a version if it is pinned, and nobody moved it', () => {
  expect(versionOfLoad(load({ behavior: 1, deploymentVersion: B }))).toEqual(B);
  expect(versionOfLoad(load({ behavior: 2, deploymentVersion: B }))).toBeUndefined();
  expect(versionOfLoad(load({ behavior: 1, deploymentVersion: B, versioningOverride: {} }))).toBeUndefined();
  expect(versionOfLoad(load({ behavior: 1, deploymentVersion: { ...B, buildId: 'b; rm' } }))).toBeUndefined();
  expect(versionOfLoad({ raw: {} } as never)).toBeUndefined();
});

it('the line names the version to start', () => {
  const line = queueLine({ queue: 'q', service: 'none', waiting: 1, oldestMs: 5, missingVersion: B });
  expect(line).toContain('NIGHTLOAD_DEPLOYMENT=nightload and NIGHTLOAD_BUILD_ID=b.');
});

it.each(['none', 'busy'] as const)(
  'names it also when Temporal lists no workers, or still those that ended: %s',
  (service) => {
    const line = queueLine({ queue: 'q', service, waiting: 1, oldestMs: 5, version: B });
    expect(line).toContain("the load's version");
    expect(line).toContain('NIGHTLOAD_DEPLOYMENT=nightload and NIGHTLOAD_BUILD_ID=b.');
  },
);

/** Temporal's time-skipping server for tests, in which a night of timers takes seconds. */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { TestProject } from 'vitest/node';
import { findTimeSkippingServer } from '../../src/dev/find-time-skipping.js';
import { registerSearchAttributes } from '../../src/workers/startup/search-attributes.js';
import { buildBundle } from './workflow-bundle.js';

/** Tests of whole nights are never skipped silently: without a server, they fail. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('timeSkippingServer', await findTimeSkippingServer());
  const bundle = await buildBundle();
  project.provide('workflowBundlePath', bundle.path);
  return bundle.remove;
}

/** A running environment whose namespace has nightload's search attributes. The caller tears it down. */
export async function startTimeSkipping(path: string): Promise<TestWorkflowEnvironment> {
  const create = (): Promise<TestWorkflowEnvironment> =>
    TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
  // The SDK gives the server 5 seconds to start, which is not always enough for Java on a busy machine.
  const environment = await create().catch(create).catch(create);
  await registerSearchAttributes(environment.nativeConnection, environment.namespace ?? 'default');
  awaitClockBeforeTeardown(environment);
  return environment;
}

/**
 * A call that is retried after its connection was closed would throw in a timer, where nobody catches it: simulated
 * orgs ask for the time until they are closed.
 */
function awaitClockBeforeTeardown(environment: TestWorkflowEnvironment): void {
  const asked = new Set<Promise<number>>();
  const currentTimeMs = environment.currentTimeMs.bind(environment);
  const teardown = environment.teardown.bind(environment);
  environment.currentTimeMs = () => {
    const time = currentTimeMs();
    asked.add(time);
    void time.catch(() => undefined).finally(() => asked.delete(time));
    return time;
  };
  environment.teardown = async () => {
    await Promise.allSettled(asked);
    await teardown();
  };
}

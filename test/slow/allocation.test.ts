/** Slow cases: more than a thousand parts on one ledger, and a ledger that does not respond. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { afterEach, expect, it } from 'vitest';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import type { OrgSummary } from '../../src/protocol/messages/allocation-messages.js';
import { MINUTE, openGoverned } from '../helpers/allocated-loads.js';
import type { Governed } from '../helpers/allocated-loads.js';
import type { World } from '../helpers/load-harness.js';

let server: DevServer | undefined;
let governed: Governed;
let world: World;
const open = async (...args: Parameters<typeof openGoverned>): Promise<void> => {
  governed = await openGoverned(...args);
  ({ world } = governed);
};
const start: Governed['start'] = (...args) => governed.start(...args);
const ledger = (): Promise<OrgSummary> => governed.ledger();
afterEach(async () => {
  await governed.end();
  await server?.stop();
  server = undefined;
});

/** Many holders request parts at once; the server is configured for short histories. */
it('serves more than a thousand parts over many runs, whose histories all replay', { timeout: 400_000 }, async () => {
  const { path } = await findTemporalServer();
  const dynamicConfig = ['limit.historyCount.suggestContinueAsNew=500'];
  server = await startDevServer({ binary: path, uiPort: 'off', dynamicConfig });
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../integration/workflows/allocation-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  await open({ maxJobs: 15, windowMs: 24 * 60 * MINUTE }, {}, server.address, { code });
  const holders = 30;
  const parts = 40;
  const waited = await Promise.all(
    Array.from({ length: holders }, (_, n) =>
      world.client.workflow.execute<(parts: number, records: number) => Promise<number>>('bulkLoad', {
        taskQueue: governed.taskQueue,
        workflowId: `holder-${n}`,
        args: [parts, 10],
      }),
    ),
  );
  expect(waited.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(100);
  const total = holders * parts;
  expect(await ledger()).toMatchObject({
    records: { used: 10 * total, granted: 0 },
    batches: { used: total },
    jobsTotal: 0,
    waitingTotal: 0,
  });
  const runs = world.client.workflow.list({ query: `WorkflowId = "${governed.ledgerId}"` });
  let count = 0;
  for await (const { runId, workflowId } of runs) {
    const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: { code } }, history, workflowId);
    count++;
  }
  expect(count).toBeGreaterThan(5);
});

it(
  'continues without a ledger that does not respond for two minutes, and reports it',
  { timeout: 300_000 },
  async () => {
    await open({}, {});
    // Another program's ledger, on a task queue without workers.
    await world.client.workflow.start('orgAllocation', {
      workflowId: governed.ledgerId,
      taskQueue: 'nobody',
      args: [{}],
    });
    const began = Date.now();
    const load = await start(60, 'alone', { part: { maxBytes: 1_000, maxConcurrent: 1 } });
    const result = await load.result();
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 60 } });
    expect(result.warnings).toEqual([expect.stringContaining('its ledger did not answer')]);
    const took = Date.now() - began;
    expect(took).toBeGreaterThan(2 * MINUTE - 1_000);
    // The first part has waited for all of them.
    expect(result.jobsTotal).toBe(3);
    expect(took).toBeLessThan(2 * MINUTE + result.jobsTotal * 20_000);
    await world.client.workflow.getHandle(governed.ledgerId).terminate();
  },
);

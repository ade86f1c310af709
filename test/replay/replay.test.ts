/** Recorded histories still replay with today's workflow code: a running load survives the deployment of this version. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { describe, expect, inject, it } from 'vitest';
import { quietWorkers } from '../helpers/load-harness.js';

const TYPES = ['bulkLoad', 'checkLoad', 'ingestJob', 'orgAllocation', 'orgLimits', 'orphanJobs', 'retryFailedRows'];
const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

interface Recorded {
  workflowId: string;
  history: { events: { eventType: string; [attributes: string]: unknown }[] };
}

async function recorded(): Promise<Recorded[]> {
  const names = await readdir(FOLDER);
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(FOLDER, name), 'utf8')) as Recorded));
}

describe('recorded histories', async () => {
  quietWorkers();
  const histories = await recorded();

  it('include all workflows', () => {
    const types = histories.map(({ history }) => JSON.stringify(history.events[0]));
    for (const type of TYPES) expect(types.some((text) => text.includes(type))).toBe(true);
  });

  it.each(histories)('$workflowId replays', async ({ workflowId, history }) => {
    await Worker.runReplayHistory({ workflowBundle: { codePath: inject('workflowBundlePath') } }, history, workflowId);
  });

  it('detect a change: a history that lacks an event does not replay', async () => {
    const whole = histories.find(({ workflowId }) => workflowId.endsWith('all-good'));
    const events = whole?.history.events.filter(({ eventType }) => !eventType.includes('CHILD_WORKFLOW'));
    await expect(
      Worker.runReplayHistory(
        { workflowBundle: { codePath: inject('workflowBundlePath') } },
        { events },
        whole?.workflowId,
      ),
    ).rejects.toThrow();
  });
});

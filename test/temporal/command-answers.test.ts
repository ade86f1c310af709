/** What the command says and calls things, where nobody answers as it should. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { nightload } from '../support/command.js';
import type { Command } from '../support/command.js';
import { openWorld } from '../support/load.js';
import type { World } from '../support/load.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

function run(args: string[], taskQueue = world.taskQueue): Command {
  return nightload(
    args,
    { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: taskQueue },
    world.folder,
  );
}

/** The last line of stdout. */
function json(command: Command): Record<string, unknown> {
  return JSON.parse(command.stdout().trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

const nobody = (): string => `nobody-${randomUUID().slice(0, 8)}`;

it('a load keeps its whole id, whoever named its workflow, and each command calls it the same', async () => {
  const unique = randomUUID().slice(0, 8);
  const cases = [
    { workflowId: `accounts-${unique}`, loadId: `accounts-${unique}` },
    { workflowId: `bulk-load/n-${unique}-2026-11-25T23:38:23Z`, loadId: `n-${unique}-2026-11-25T23-38-23Z` },
    // Named twice by its caller.
    { workflowId: `bulk-load/x-${unique}`, loadId: `chosen-${unique}`, input: { loadId: `chosen-${unique}` } },
  ];
  await Promise.all(
    cases.map(async ({ workflowId, loadId, input }) => {
      const args = [{ source: 'file:///a.csv', object: 'Account', operation: 'insert', ...input }];
      const handle = await world.client.workflow.start('bulkLoad', { workflowId, taskQueue: nobody(), args });
      const cancel = run(['cancel', input === undefined ? loadId : workflowId, '--json']);
      expect(await cancel.ended, cancel.stderr()).toBe(0);
      expect(json(cancel)).toMatchObject({ loadId, workflowId });
      if (workflowId.startsWith('bulk-load/')) return handle.terminate();
      const watch = run(['watch', loadId]);
      await expect.poll(() => watch.stderr(), { timeout: 15_000 }).toContain('No worker polls');
      watch.child.kill('SIGINT');
      expect(await watch.ended).toBe(130);
      const shown = /nightload status (\S+)/.exec(watch.stderr())?.[1] ?? '';
      expect(shown).toBe(loadId);
      return handle.terminate();
    }),
  );
});

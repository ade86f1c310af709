/** A queue has several partitions; a worker that polls any of them polls the queue. */
import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { expect, inject, it, onTestFinished } from 'vitest';
import { probeQueues } from '../../src/workers/monitoring/probe-queues.js';

it('each of twelve workers with one poll counts as polling', async () => {
  const address = inject('temporalAddress');
  const polling = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  onTestFinished(async () => {
    await polling.close();
    await native.close();
  });
  const queue = `polled-${randomUUID().slice(0, 8)}`;
  const identities = Array.from({ length: 12 }, (_, n) => `${n}@host`);
  for (const identity of identities) {
    const poll = { namespace: 'default', taskQueue: { name: queue }, identity };
    // Until the end of the test.
    const polled = polling.withDeadline(Date.now() + 60_000, () => polling.workflowService.pollActivityTaskQueue(poll));
    void polled.catch(() => undefined);
  }
  const missing = async (): Promise<string[]> => {
    const asked = identities.map(async (identity) => {
      const { notPolled } = await probeQueues({
        connection: () => native,
        ...{ namespace: 'default', identity },
        ...{ taskQueue: `${queue}-other`, filesQueue: queue, uploadsQueues: [] },
      });
      return notPolled.includes(queue) ? identity : [];
    });
    return (await Promise.all(asked)).flat();
  };
  await expect.poll(missing, { timeout: 30_000, interval: 1_000 }).toEqual([]);
});

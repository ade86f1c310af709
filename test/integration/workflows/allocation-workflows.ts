/**
 * A worker's workflows without loads and parts: these use the ledger like parts, without loading anything, under the
 * names that the ledger and the steps know.
 */
import {
  condition,
  executeChild,
  getExternalWorkflowHandle,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../../../src/activities/index.js';
import { grantedSignal, settleSignal } from '../../../src/protocol/messages/allocation-messages.js';

export * from '../../../src/workflows/index.js';

const { requestLease } = proxyActivities<Pick<Activities, 'requestLease'>>({ startToCloseTimeout: '3m' });

export function bulkLoad(parts: number, records: number): Promise<number> {
  const workflowId = `${workflowInfo().workflowId}/part-1`;
  return executeChild(ingestJob, { workflowId, args: [parts, records] });
}

/** @returns how many of the leases had to be waited for */
export async function ingestJob(parts: number, records: number): Promise<number> {
  const grants = new Set<string>();
  setHandler(grantedSignal, ({ id }) => void grants.add(id));
  let waited = 0;
  for (let part = 1; part <= parts; part++) {
    const id = `${workflowInfo().runId}/${part}`;
    const { ledger, answer } = await requestLease({
      id,
      words: `part ${part}`,
      priority: 3,
      records,
      batches: 1,
      connection: 'default',
      apiVersion: 'v66.0',
      answerWithinMs: 120_000,
    });
    if (answer.status === 'waiting') {
      waited++;
      await condition(() => grants.has(id));
    } else if (answer.status !== 'granted') throw new Error(`${id}: ${answer.status}`);
    await sleep(Math.random() * 50);
    await getExternalWorkflowHandle(ledger).signal(settleSignal, { id, records, batches: 1 });
  }
  return waited;
}

// The story of a load with nothing in it: as many workflows, steps, timers and messages, and no work. Bundled by the SDK.
import { getExternalWorkflowHandle, proxyActivities, sleep, startChild, workflowInfo } from '@temporalio/workflow';
import { condition, defineSignal, setHandler } from '@temporalio/workflow';

const { step } = proxyActivities({ startToCloseTimeout: '1 minute' });
const landed = defineSignal('landed');
const FIRST_POLL_MS = 200;

export async function emptyLoad(parts, atATime) {
  let running = 0;
  const ends = [];
  setHandler(landed, () => void running--);
  await step('locate');
  await step('plan');
  for (let part = 1; part <= parts; part++) {
    await condition(() => running < atATime);
    running++;
    const child = await startChild(emptyPart, { workflowId: `${workflowInfo().workflowId}/part-${part}` });
    ends.push(child.result());
  }
  await Promise.all(ends);
  await step('report');
}

export async function emptyPart() {
  for (const name of ['lease', 'create', 'upload', 'close']) await step(name);
  await sleep(FIRST_POLL_MS);
  await step('poll');
  const { parent } = workflowInfo();
  await Promise.all([getExternalWorkflowHandle(parent.workflowId).signal(landed), step('download')]);
}

/**
 * Keeps a workflow's carried state small: records of ended parts move to files once there are more than a few hundred.
 */
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import type { EndedStage } from '../../protocol/activities/ended-parts.js';

/** Outcomes and jobs, about 150 bytes each. */
const MAX_CARRIED = 400;

export function newEndedStage(uri: string): EndedStage {
  return { uri, noted: 0, outcomes: [], jobs: [] };
}

function size({ outcomes, jobs }: EndedStage): number {
  return outcomes.length + jobs.length;
}

/** Writes entries to files until few are left. */
export async function moveEndedToFiles(
  ended: readonly EndedStage[],
  steps: Pick<ActivityInterfaceFor<Activities>, 'recordParts'>,
): Promise<void> {
  while (ended.reduce((sum, stage) => sum + size(stage), 0) >= MAX_CARRIED) {
    const stage = ended.reduce((most, one) => (size(one) > size(most) ? one : most));
    // More may end meanwhile.
    const outcomes = [...stage.outcomes];
    const jobs = [...stage.jobs];
    const file = stage.noted + 1;
    await steps.recordParts.executeWithOptions({ summary: `how ${outcomes.length} parts ended` }, [
      { stageUri: stage.uri, file, outcomes, jobs },
    ]);
    stage.noted = file;
    stage.outcomes.splice(0, outcomes.length);
    stage.jobs.splice(0, jobs.length);
  }
}

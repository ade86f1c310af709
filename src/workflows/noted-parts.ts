/** Keeps what a workflow carries small: how parts ended goes into files as soon as there is more of it than a few hundred entries. */
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { EndedStage } from '../activities/types.js';

/** Outcomes and jobs, about 150 bytes each. */
const MOST_CARRIED = 400;

export function newEnded(uri: string): EndedStage {
  return { uri, noted: 0, outcomes: [], jobs: [] };
}

function size({ outcomes, jobs }: EndedStage): number {
  return outcomes.length + jobs.length;
}

/** Writes entries to files until few are left. */
export async function noteEnded(
  ended: readonly EndedStage[],
  steps: Pick<ActivityInterfaceFor<Activities>, 'noteParts'>,
): Promise<void> {
  while (ended.reduce((sum, stage) => sum + size(stage), 0) >= MOST_CARRIED) {
    const stage = ended.reduce((most, one) => (size(one) > size(most) ? one : most));
    // More may end meanwhile.
    const outcomes = [...stage.outcomes];
    const jobs = [...stage.jobs];
    const file = stage.noted + 1;
    await steps.noteParts.executeWithOptions({ summary: `how ${outcomes.length} parts ended` }, [
      { stageUri: stage.uri, file, outcomes, jobs },
    ]);
    stage.noted = file;
    stage.outcomes.splice(0, outcomes.length);
    stage.jobs.splice(0, jobs.length);
  }
}

/** Sizes of a stage's parts are read from its plan in pieces: a list of all would grow with the file. */
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../../activities/index.js';
import { INVALID_RESULT } from '../../../domain/failures.js';
import type { Stage } from '../../../protocol/activities/plan-types.js';
import { knowsSizeOf } from './stage-parts.js';

/** @throws ApplicationFailure when the plan has no such part: it is not the plan that the load was told of */
export async function readSizes(
  stage: Stage,
  part: number,
  files: Pick<ActivityInterfaceFor<Activities>, 'readPartSizes'>,
): Promise<void> {
  const summary = `sizes of the parts from ${part} on`;
  stage.sizes = await files.readPartSizes.executeWithOptions({ summary }, [{ stageUri: stage.uri, from: part }]);
  if (knowsSizeOf(stage, part)) return;
  throw ApplicationFailure.nonRetryable(
    `The plan has no part ${part} of ${stage.parts}. Another client may have completed a step in the worker's place.`,
    INVALID_RESULT,
  );
}

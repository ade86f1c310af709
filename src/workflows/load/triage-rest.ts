/** Sorts what did not land into rejected and unprocessed rows, unless a retry has done so. */
import { CancellationScope } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';
import type { TriagedRows } from '../../protocol/activities/retry-types.js';
import type { Load } from './load.js';
import { listSucceeded } from '../support/result-files.js';
import { enterWarnings } from '../support/warnings.js';

export async function triageTheRest(load: Load): Promise<void> {
  const { input, state, notStartedFrom } = load;
  const { stage, located } = state;
  const [first] = state.ended;
  if (state.triaged || stage === undefined || first === undefined || located === undefined) return;
  if (state.left.parts === 0 && notStartedFrom === undefined) return;
  // Those rows were not sent again, so it stays the reason.
  if (state.failedWhole !== undefined) state.error ??= state.failedWhole;
  try {
    const { outcomes, jobs, noted } = first;
    const sorted = await CancellationScope.nonCancellable(() =>
      load.finishOnFiles((files) =>
        files.triageRows.executeWithOptions({ summary: 'sort the rows that did not land' }, [
          {
            stage,
            outcomes,
            jobs,
            noted,
            ...defined({ notStartedFrom }),
            operation: input.operation,
            final: true,
            nextStageUri: `${stage.uri}none/`,
            partMaxBytes: 0,
          },
        ]),
      ),
    );
    enterTriage(load, sorted);
  } catch (error) {
    load.fail(error);
  }
}

function enterTriage(
  { state }: Load,
  { rejected, unprocessed, alreadyDone, files, stop, warnings }: TriagedRows,
): void {
  const { tally, ended } = state;
  state.triaged = true;
  tally.rejected += rejected;
  tally.unprocessed = unprocessed;
  tally.succeeded += alreadyDone;
  if (files.alreadyDone !== undefined) {
    if (ended[0] !== undefined) ended[0].alreadyDone = files.alreadyDone;
    listSucceeded(state.files, files.alreadyDone);
  }
  if (files.rejected !== undefined) state.files.rejected.push(files.rejected);
  if (files.unprocessed !== undefined) state.files.unprocessed.push(files.unprocessed);
  enterWarnings(state.warnings, warnings);
  if (stop !== undefined) state.error ??= stop;
}

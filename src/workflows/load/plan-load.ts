/** Before anything is sent: finds a worker that sees the source, reads the source once, and splits it into parts. */
import { upsertMemo, workflowInfo } from '@temporalio/workflow';
import { FILES_HOST_MEMO, FILES_QUEUE_MEMO } from '../../contract/names.js';
import { defined } from '../../domain/defined.js';
import { ANY_WORKER } from '../../domain/file-groups.js';
import { nameOf } from '../../domain/text/format.js';
import type { PlannedLoad } from '../../protocol/activities/plan-types.js';
import { planInput, wishOf } from '../check/plan-input.js';
import { locateSource } from '../source/locate-source.js';
import { newEndedStage } from '../support/ended-part-files.js';
import { scheduleOf } from '../support/schedule.js';
import { markSearchAttributes } from '../support/search-attributes.js';
import type { Load } from './load.js';
import { enterWarnings } from '../support/warnings.js';

/** @param seenBy queue of workers that just saw the source */
export async function locateLoad(load: Load, seenBy: string | undefined): Promise<void> {
  const { input, settings, state } = load;
  const { connection, loadId } = settings;
  state.located = await locateSource(
    {
      source: input.source,
      connection,
      loadId,
      executionId: workflowInfo().firstExecutionRunId,
      refuseLanded: input.again !== true,
      ...defined({ schedule: scheduleOf(workflowInfo()) }),
      ...wishOf(input, settings),
    },
    seenBy,
  );
  const { filesQueue, host, searchAttributes } = state.located;
  if (filesQueue !== ANY_WORKER)
    upsertMemo({ [FILES_QUEUE_MEMO]: filesQueue, ...defined({ [FILES_HOST_MEMO]: host }) });
  markSearchAttributes(searchAttributes, {
    NightloadObject: input.object,
    NightloadOperation: input.operation,
    NightloadConnection: connection,
  });
}

export async function planLoad(load: Load): Promise<void> {
  const { input, settings, located, fileActivities } = load;
  load.enterPhase('planning');
  const planned = await load.awaitCounted(
    fileActivities.planLoad.executeWithOptions({ summary: `read ${nameOf(input.source)} and split it into parts` }, [
      planInput(input, settings, located.workUri),
    ]),
  );
  enterPlan(load, planned);
}

function enterPlan({ input, settings, state }: Load, planned: PlannedLoad): void {
  const { stage, rejected } = planned;
  state.org = { connection: settings.connection, apiVersion: planned.apiVersion };
  state.stage = stage;
  state.ended = [newEndedStage(stage.uri)];
  state.object = planned.object ?? input.object;
  state.tally.total = stage.records + (rejected?.rows ?? 0);
  state.tally.rejected = rejected?.rows ?? 0;
  if (rejected !== undefined) state.files.rejected.push(rejected.uri);
  enterWarnings(state.warnings, planned.warnings);
}

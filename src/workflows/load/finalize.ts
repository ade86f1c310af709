/**
 * The end of a load, whatever happened before: sorts what is left, writes the report, and stores the result where it
 * can be read without a worker. A cancellation does not stop it but shortens its waits.
 */
import { allHandlersFinished, condition, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { RESULT_MEMO } from '../../contract/names.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import type { ReportFacts } from '../../protocol/activities/report-types.js';
import { defined } from '../../domain/defined.js';
import { pastClock } from '../../domain/text/format.js';
import { loadIdOf } from '../../domain/load-ids.js';
import { notifyEnd } from '../notify/notify.js';
import { sweepLostJobs } from '../orphans/abort-lost-jobs.js';
import { scheduleOf } from '../support/schedule.js';
import { markSearchAttributes } from '../support/search-attributes.js';
import type { Load } from './load.js';
import type { CarriedState } from './load-state.js';
import { endPause } from './pause.js';
import { buildResult } from './tally.js';
import { triageTheRest } from './triage-rest.js';
import { metrics } from '../support/metrics.js';
import { enterWarnings } from '../support/warnings.js';

export async function finalize(load: Load): Promise<BulkLoadResult> {
  const { state } = load;
  await condition(allHandlersFinished);
  load.enterPhase('reporting');
  await triageTheRest(load);
  await sweepLostJobs(load);
  enterWarnings(state.warnings, [missedHour(state.finish)]);
  const kept = await keepColumns(load);
  const result = await writeReport(load, defined({ succeeded: state.files.succeeded, kept }));
  const { jobs: _jobs, ...withoutJobs } = result;
  upsertMemo({ [RESULT_MEMO]: withoutJobs });
  state.phase = 'done';
  load.log('load ended', { state: result.state, code: result.error?.code, ...result.records });
  endPause(load);
  metrics.add('nightload_loads_total', 1, { state: result.state });
  const startedAt = state.startedAt ?? workflowInfo().startTime.getTime();
  metrics.observe('nightload_load_duration_seconds', (Date.now() - startedAt) / 1_000, {});
  measureFinish(state.finish);
  markSearchAttributes(state.located?.searchAttributes ?? [], {
    NightloadPhase: 'done',
    NightloadRejected: result.records.rejected,
  });
  load.showDetails(result);
  await notifyEnd(load, result);
  return result;
}

function missedHour(finish: CarriedState['finish']): string | undefined {
  const now = Date.now();
  return finish === undefined || finish.by >= now
    ? undefined
    : `The load did not end by ${pastClock(finish.by, now)}: at ${pastClock(now, now)} it was about to write its report.`;
}

function measureFinish(finish: CarriedState['finish']): void {
  if (finish === undefined) return;
  const slackMs = finish.by - Date.now();
  metrics.set('nightload_deadline_slack_seconds', slackMs / 1_000, {});
  metrics.add('nightload_deadlines_missed_total', slackMs < 0 ? 1 : 0, {});
}

/** The rows that landed, with all source columns, for loads of child records. */
async function keepColumns(load: Load): Promise<string | undefined> {
  const { input, state } = load;
  const { located, stage } = state;
  if (input.keepColumns !== true || located === undefined || stage === undefined) return undefined;
  const { outputUri } = located;
  try {
    const { file, why } = await load.finishOnFiles((files) =>
      files.keepColumns.executeWithOptions({ summary: 'the rows that landed, with all columns of the source' }, [
        { stageUri: stage.uri, ended: state.ended, outputUri, runId: workflowInfo().runId },
      ]),
    );
    enterWarnings(state.warnings, [why]);
    return file;
  } catch (error) {
    load.fail(error);
    return undefined;
  }
}

async function writeReport(load: Load, landed: BulkLoadResult['files']): Promise<BulkLoadResult> {
  const { input, state } = load;
  const { located } = state;
  if (located === undefined) return resultOf(load, landed);
  const { rejected, unprocessed, changes } = state.files;
  // The pause is part of the report.
  endPause(load);
  const facts = factsOf(load);
  try {
    const { warnings, ...written } = await load.finishOnFiles((files) =>
      files.writeReport.executeWithOptions({ summary: 'report.json and the rejected file' }, [
        {
          ...defined({ connection: state.org?.connection, schedule: scheduleOf(workflowInfo()) }),
          outputUri: located.outputUri,
          workUri: located.workUri,
          rejected,
          unprocessed,
          changes,
          ended: state.ended,
          ...defined({ facts }),
          report: resultOf(load, landed),
          ...(input.defuse === true && { defuse: true }),
        },
      ]),
    );
    enterWarnings(state.warnings, warnings);
    return resultOf(load, written);
  } catch (error) {
    load.fail(error);
    return resultOf(load, landed);
  }
}

/** Undefined if an earlier version began the load, which kept no times. */
function factsOf({ input, state }: Load): ReportFacts | undefined {
  const { startedAt, timeline } = state;
  if (startedAt === undefined || timeline === undefined) return undefined;
  const { source, externalIdFieldName, connection = 'default' } = input;
  return {
    source,
    connection,
    startedAt,
    endedAt: Date.now(),
    timeline,
    ...defined({ externalIdFieldName, finishBy: state.finish?.by }),
  };
}

function resultOf({ input, state }: Load, files: BulkLoadResult['files']): BulkLoadResult {
  const { workflowId, runId } = workflowInfo();
  const { object, operation } = input;
  const { canceled, error, tally, warnings, openJobs } = state;
  return {
    ...buildResult({ loadId: loadIdOf(input, workflowId), workflowId, runId, object, operation }, tally, {
      canceled,
      error,
      files,
    }),
    ...(warnings.length > 0 && { warnings }),
    ...(openJobs.length > 0 && { openJobs }),
  };
}

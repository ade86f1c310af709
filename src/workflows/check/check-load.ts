/** The preflight of a load alone: reads, queries the org, loads nothing. */
import { ApplicationFailure } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput } from '../../contract/load-input.js';
import type { CheckReport } from '../../contract/check-report.js';
import { toLoadError } from '../../domain/failures.js';
import type { LoadSettings } from '../../domain/input/resolve-input.js';
import { planInput, wishOf } from './plan-input.js';
import { readInput } from '../incoming/read-input.js';
import { locateSource } from '../source/locate-source.js';
import { fileActivities } from '../support/activity-options.js';

export async function checkLoad(given: BulkLoadInput): Promise<CheckReport> {
  const { input, settings: settingsOf } = readInput(given, workflowInfo().workflowId);
  const settings = orFailure(settingsOf);
  const located = await locateSource({
    source: input.source,
    connection: settings.connection,
    loadId: settings.loadId,
    executionId: workflowInfo().firstExecutionRunId,
    ...wishOf(input, settings),
  });
  const { value } = await fileActivities(located, settings.outageMs).checkSource.executeWithOptions(
    { summary: 'read the source and query the org' },
    [planInput(input, settings, located.workUri)],
  );
  return value;
}

function orFailure(settingsOf: () => LoadSettings): LoadSettings {
  try {
    return settingsOf();
  } catch (error) {
    // Any other error would make the workflow task fail again and again.
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}

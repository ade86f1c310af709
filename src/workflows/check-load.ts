/** The preflight of a load, alone: reads, asks the org, loads nothing. */
import { ApplicationFailure } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput, CheckReport } from '../contract.js';
import { toLoadError } from './failures.js';
import type { LoadSettings } from './input.js';
import { planInput, wishOf } from './plan-input.js';
import { readInput } from './read-input.js';
import { locateSource } from './locate-source.js';
import { onFiles } from './steps.js';

export async function checkLoad(given: BulkLoadInput): Promise<CheckReport> {
  const { input, settings: settingsOf } = readInput(given, workflowInfo().workflowId);
  const settings = orFailure(settingsOf);
  const located = await locateSource({
    source: input.source,
    connection: settings.connection,
    loadId: settings.loadId,
    executionId: workflowInfo().firstExecutionRunId,
    ...wishOf(input, settings),
    ...(input.output !== undefined && { output: input.output }),
  });
  const { value } = await onFiles(located.filesQueue, settings.outageMs).checkSource.executeWithOptions(
    { summary: 'read the source and ask the org' },
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

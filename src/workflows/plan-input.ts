/** What the preflight needs of a load's input: for a load, and for a check that loads nothing. Pure. */
import type { FixerName, LoadWish, PlanLoadInput } from '../activities/types.js';
import type { BulkLoadInput } from '../contract.js';
import type { LoadSettings } from './input.js';

export function planInput(input: BulkLoadInput, settings: LoadSettings, workUri: string): PlanLoadInput {
  const fixFields = new Set(settings.retry.fixes.flatMap(({ field }) => field ?? []));
  return {
    source: input.source,
    workUri,
    object: input.object,
    operation: input.operation,
    connection: settings.connection,
    blankAsNull: input.blankAsNull ?? false,
    mapLabels: input.mapLabels ?? false,
    checkRows: input.checkRows ?? false,
    skipBadRows: input.skipBadRows ?? false,
    partMaxBytes: settings.partMaxBytes,
    ...(settings.fixer && { fixer: fixerName(settings.fixer) }),
    ...(fixFields.size > 0 && { fixFields: [...fixFields] }),
    ...(input.externalIdFieldName !== undefined && { externalIdFieldName: input.externalIdFieldName }),
    ...(input.columns && { columns: input.columns }),
    ...(input.columnsIfPresent && { columnsIfPresent: input.columnsIfPresent }),
    ...(input.constants && { constants: input.constants }),
    ...(input.delimiter !== undefined && { delimiter: input.delimiter }),
    ...(input.lineEnding !== undefined && { lineEnding: input.lineEnding }),
    ...(input.encoding !== undefined && { encoding: input.encoding }),
  };
}

/** What the first step of a load asks leave for. */
export function wishOf(input: BulkLoadInput, { fixer }: LoadSettings): LoadWish {
  const { object, operation, externalIdFieldName } = input;
  return {
    object,
    operation,
    ...(externalIdFieldName !== undefined && { externalIdFieldName }),
    ...(fixer && { fixer: fixerName(fixer) }),
  };
}

function fixerName({ activity, taskQueue }: NonNullable<LoadSettings['fixer']>): FixerName {
  return { activity, taskQueue };
}

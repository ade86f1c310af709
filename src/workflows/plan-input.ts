/** What the preflight needs of a load's input: for a load, and for a check that loads nothing. Pure. */
import type { PlanLoadInput } from '../activities/types.js';
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

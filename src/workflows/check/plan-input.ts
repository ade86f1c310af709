/** What the preflight needs from a load's input: for a load, and for a check that loads nothing. Pure. */
import { defined } from '../../domain/defined.js';
import type { PlanLoadInput } from '../../protocol/activities/plan-types.js';
import type { FixerName, LoadWish } from '../../protocol/activities/source-types.js';
import type { BulkLoadInput } from '../../contract/load-input.js';
import type { LoadSettings } from '../../domain/input/resolve-input.js';

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
    ...defined({
      fixer: fixerName(settings),
      fixFields: fixFields.size > 0 ? [...fixFields] : undefined,
      externalIdFieldName: input.externalIdFieldName,
      columns: input.columns,
      columnsIfPresent: input.columnsIfPresent,
      constants: input.constants,
      delimiter: input.delimiter,
      lineEnding: input.lineEnding,
      encoding: input.encoding,
    }),
  };
}

/** What the first step of a load asks permission for. */
export function wishOf(input: BulkLoadInput, settings: LoadSettings): LoadWish {
  const { object, operation, externalIdFieldName, output } = input;
  return defined({ object, operation, output, externalIdFieldName, fixer: fixerName(settings) });
}

function fixerName({ fixer }: LoadSettings): FixerName | undefined {
  return fixer && { activity: fixer.activity, taskQueue: fixer.taskQueue };
}

/** Reads a corrected file and cuts it into parts. */
import type { StagePlan } from '../stage/stage-plan-types.js';
import { join } from '../../storage/locations.js';
import type { ForeignFile } from '../../storage/files/file-ref.js';
import type { TakeCorrectionsInput } from '../../protocol/activities/correction-types.js';
import type { ActivityRun } from '../run-activity.js';
import { refused } from './refuse-corrections.js';
import { openSource } from '../source/open-source.js';
import { columnsOf } from './corrected-columns.js';
import { randomUUID } from 'node:crypto';
import { saveStream } from '../../storage/write-files.js';
import { rewriteCsv } from '../../csv/rewrite.js';
import { readRange, scanRange } from '../../storage/read-files.js';
import { isNameless } from '../../csv/dialect.js';
import { keysOf, overtaken, refuseHidden, withoutOvertaken } from './match-corrections.js';
import { headerBytes } from '../../rows/column-mapping.js';
import { planParts } from '../../csv/plan-parts.js';
import { blankRowsText } from '../../csv/blank-rows.js';
import { fingerprint } from '../../storage/fingerprint.js';
import { defined } from '../../domain/defined.js';
import type { Corrected } from './match-corrections.js';

interface CorrectedRound {
  plan: StagePlan;
  /** Files with the rejected rows. */
  rejected: readonly string[];
  /** Output folder. */
  folder: string;
  input: TakeCorrectionsInput & { succeeded: readonly string[]; maxUnpackedBytes: number | undefined };
}

export async function readCorrections(
  file: ForeignFile,
  { plan, rejected, folder, input }: CorrectedRound,
  step: ActivityRun,
): Promise<Corrected> {
  const { key } = plan;
  if (key === undefined) {
    throw refused(
      'The rows of this load have no key to match corrections by. Load the corrected rejected file in a separate load.',
    );
  }
  const opened = await openSource(file, folder, input, step);
  const columns = columnsOf(opened, plan);
  const all = join(folder, `rows-${randomUUID().slice(0, 8)}.csv`);
  const { dialect } = opened;
  const blankRows = { rows: 0, after: 0 };
  await saveStream(
    rewriteCsv(readRange(opened.path, dialect.dataStart), {
      delimiter: dialect.delimiter,
      width: dialect.header.length,
      dataStart: dialect.dataStart,
      columns,
      blankAsNull: input.blankAsNull,
      keys: ['Id', key.column],
      nameless: dialect.header.flatMap((title, index) => (isNameless(title) ? [index] : [])),
      blankRows,
    }),
    all,
    step.signal,
  );
  const keys = await keysOf(all, plan, key, step);
  const found = { keys, plan, key, rejected };
  const { rows, left } = await withoutOvertaken(all, found, { folder, input, signal: step.signal });
  await refuseHidden(all, found, input, step);
  const header = headerBytes(plan.names, ',', 'LF').length;
  const cut = await planParts(scanRange(rows, 0, undefined, step.signal), {
    delimiter: ',',
    maxBytes: Math.max(1, input.partMaxBytes - header),
  });
  if (left > 0 && cut.records === 0) throw refused(overtaken(`All ${left} rows of it`, key.column));
  if (cut.records === 0) throw refused('The corrected file has a header line and no rows.');
  return {
    keys,
    left,
    ...(blankRows.rows > 0 && { warnings: [`Corrections: ${blankRowsText(blankRows)}`] }),
    plan: {
      rows,
      fingerprint: await fingerprint(rows),
      delimiter: ',',
      lineEnding: 'LF',
      names: plan.names,
      parts: cut.parts,
      groups: [
        {
          // An insert stays an insert: a rejected row has not landed, so a record with its key was created by another
          // program.
          operation: input.operation,
          ...(input.operation === 'upsert' && { externalIdFieldName: key.column }),
          firstPart: 1,
          lastPart: cut.parts.length,
        },
      ],
      key,
      ...defined({ original: plan.original, parent: plan.parent, lengths: plan.lengths }),
    },
  };
}

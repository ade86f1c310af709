/** Matches the rows of a corrected file to rejected rows by key. Uncertain matches are refused. */
import type { KeyRule, StagePlan } from '../stage/stage-plan-types.js';
import type { ActivityRun } from '../run-activity.js';
import { keyFunction } from '../retry/find/source-keys.js';
import { eachRecordBytes, scanRecords } from '../../csv/records.js';
import { join } from '../../storage/locations.js';
import { readRange } from '../../storage/read-files.js';
import { readCell } from '../../csv/cells.js';
import { refused, rowList } from './refuse-corrections.js';
import type { TakeCorrectionsInput } from '../../protocol/activities/correction-types.js';
import { isDelete } from '../../domain/platform/operations.js';
import { hiddenValues } from './hidden-values.js';
import { NOTES, overtakenKeys } from './superseded-rows.js';
import { RowFile } from '../../storage/row-file.js';
import { randomUUID } from 'node:crypto';
import { saveStream } from '../../storage/write-files.js';
import { shownNames } from '../stage/stage-plan.js';
import { headerBytes } from '../../rows/column-mapping.js';

export interface Corrected {
  plan: StagePlan;
  /** Data row numbers of the corrected file by key, counted from 1. */
  keys: Map<string, number[]>;
  /** Rows left out because a newer row with the same key landed. */
  left: number;
  warnings?: string[];
}

export async function keysOf(
  path: string,
  plan: StagePlan,
  key: KeyRule,
  step: ActivityRun,
): Promise<Map<string, number[]>> {
  const of = keyFunction(key);
  const column = plan.names.indexOf(key.column);
  const keys = new Map<string, number[]>();
  let row = 0;
  const blank: number[] = [];
  await scanRecords(readRange(path, 0, undefined, step.signal), { delimiter: ',' }, (record) => {
    row++;
    const value = of(readCell(record, column, ','));
    if (value === undefined) return void blank.push(row);
    const rows = keys.get(value);
    if (rows === undefined) keys.set(value, [row]);
    else rows.push(row);
  });
  if (blank.length > 0) {
    throw refused(
      `${rowList(blank)} of the corrected file ${blank.length === 1 ? 'has' : 'have'} no ${key.column}, so the rejected row cannot be identified.`,
    );
  }
  return keys;
}

/** Refuses blank cells that the person did not blank. */
export async function refuseHidden(
  corrected: string,
  { keys, ...found }: Pick<Corrected, 'keys' | 'plan'> & { key: KeyRule; rejected: readonly string[] },
  { operation, blankAsNull }: TakeCorrectionsInput,
  { signal }: ActivityRun,
): Promise<void> {
  if (isDelete(operation)) return;
  const hidden = await hiddenValues({ ...found, corrected, keys: new Set(keys.keys()), blankAsNull, signal });
  const rows = [...hidden.keys()].flatMap((value) => keys.get(value) ?? []).sort((a, b) => a - b);
  if (rows.length === 0) return;
  const columns = [...new Set([...hidden.values()].flatMap((some) => [...some]))].sort((a, b) => a - b);
  throw refused(
    `${rowList(rows)} of the corrected file: blank in the corrected and the rejected file, but filled in the source: ` +
      `${columns.map((column) => found.plan.names[column]).join(', ')}. Salesforce's result file may omit the values. ` +
      `Take them from the source${blankAsNull ? '' : ', or write #N/A to clear a field'}.`,
  );
}

interface LeavingOut {
  /** Output folder. */
  folder: string;
  input: TakeCorrectionsInput & { succeeded: readonly string[] };
  signal: AbortSignal;
}

/**
 * Refuses a person's file if corrections in it would overwrite newer values; of a program's file, accepts the other
 * rows.
 */
export async function withoutOvertaken(
  path: string,
  { keys, ...found }: Pick<Corrected, 'keys' | 'plan'> & { key: KeyRule; rejected: readonly string[] },
  { folder, input, signal }: LeavingOut,
): Promise<{ rows: string; left: number }> {
  const { operation, succeeded, fromFixer } = input;
  // Two deletes have no newer one. A corrected insert that is locked is retried as an upsert.
  if (isDelete(operation)) return { rows: path, left: 0 };
  const { plan, key } = found;
  const late = await overtakenKeys({ ...found, keys: new Set(keys.keys()), succeeded, signal });
  const rows = [...late].flatMap((value) => keys.get(value) ?? []).sort((a, b) => a - b);
  if (rows.length === 0) return { rows: path, left: 0 };
  if (!fromFixer) throw refused(overtaken(`${rowList(rows)} of the corrected file`, key.column));
  for (const value of late) keys.delete(value);
  const of = keyFunction(key);
  const column = plan.names.indexOf(key.column);
  const rest = new RowFile(join(folder, `rows-${randomUUID().slice(0, 8)}.csv`), Buffer.alloc(0));
  try {
    for await (const record of eachRecordBytes(readRange(path, 0, undefined, signal), { delimiter: ',' })) {
      if (!late.has(of(readCell(record, column, ',')) ?? '')) await rest.add(record);
    }
  } finally {
    await rest.close();
  }
  if (rest.rows === 0) await saveStream((async function* () {})(), rest.path);
  return { rows: rest.path, left: rows.length };
}

export function overtaken(which: string, column: string): string {
  return (
    `${which}: a newer row of the source with the same ${column} landed, or may have, and its values would be lost. ` +
    'Leave the row out, check the record, and load the correct values in a separate load.'
  );
}

/** Writes the rejected rows that have no correction. */
export async function takeOut(
  { keys }: Corrected,
  { plan, rejected, folder }: { plan: StagePlan; rejected: readonly string[]; folder: string },
  step: ActivityRun,
): Promise<RowFile> {
  const key = plan.key as KeyRule;
  const of = keyFunction(key);
  const shown = shownNames(plan);
  const column = NOTES + shown.findIndex((name) => name.toLowerCase() === key.column.toLowerCase());
  const header = headerBytes(['sf__Id', 'sf__Error', ...shown], ',', 'LF');
  const unclear = new Set<number>();
  const remaining = new RowFile(join(folder, `waiting-${randomUUID().slice(0, 8)}.csv`), header);
  try {
    for (const path of rejected) {
      let isHeader = true;
      const chunks = readRange(path, 0, undefined, step.signal);
      for await (const record of eachRecordBytes(chunks, { delimiter: ',' })) {
        const value = isHeader ? undefined : of(readCell(record, column, ','));
        const corrected = value === undefined ? undefined : keys.get(value);
        if (corrected === undefined) {
          if (!isHeader) await remaining.add(record);
        } else if ((corrected[0] as number) > 0) {
          // The last number stays, negated, to mark that all are used up.
          const row = corrected.shift() as number;
          if (corrected.length === 0) corrected.push(-row);
        } else unclear.add(-(corrected[0] as number));
        isHeader = false;
      }
    }
  } finally {
    await remaining.close();
  }
  if (unclear.size > 0) {
    throw refused(
      `${rowList([...unclear])} of the corrected file: more rejected rows than these have the same ${key.column}, so the rows cannot be matched. ` +
        'Correct all of them, or leave out all of them.',
    );
  }
  const strange = [...keys.values()]
    .flat()
    .filter((row) => row > 0)
    .sort((a, b) => a - b);
  if (strange.length > 0) {
    throw refused(
      `${rowList(strange)} of the corrected file: no waiting rejected row has this ${key.column}. ` +
        'Only rejected rows are accepted, each once; load other rows in a separate load.',
    );
  }
  return remaining;
}

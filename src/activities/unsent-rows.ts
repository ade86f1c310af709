/** Rows of parts that were never sent: they go to the unprocessed file as they are. */
import { eachRecordBytes, scanRecords } from '../csv/records.js';
import { readRange } from '../storage/files.js';
import type { Sorting } from './sorting.js';
import { rangeOf } from './stage.js';
import type { StagePlan } from './stage.js';

/** No row of these parts can have been applied. Those that lie one after the other are read at once. */
export async function leaveWhole(sorting: Sorting, parts: readonly number[]): Promise<void> {
  for (let first = 0, next = 1; first < parts.length; first = next++) {
    while (parts[next] === (parts[next - 1] as number) + 1) next++;
    const { start } = rangeOf(sorting.plan, parts[first] as number);
    const { end } = rangeOf(sorting.plan, parts[next - 1] as number);
    await leaveRange(sorting, start, end);
  }
}

async function leaveRange({ plan, files, signal }: Sorting, start: number, end: number): Promise<void> {
  const runs = plan.delimiter === ',' && plan.lineEnding === 'LF' ? await runsOf(plan, start, end, signal) : undefined;
  if (runs !== undefined) {
    for (const run of runs) {
      await files.leaveBytesUnprocessed(readRange(plan.rows, run.start, run.end, signal), run.rows);
    }
    return;
  }
  for await (const record of eachRecordBytes(readRange(plan.rows, start, end, signal), { delimiter: plan.delimiter })) {
    await files.leaveRecordUnprocessed(record);
  }
}

/** With more of them, going from record to record is as good. */
const MOST_RUNS = 10_000;

/** Stretches of records without blank lines between them: the rows of a whole night are copied sooner than read. */
async function runsOf(
  { rows: file, delimiter }: StagePlan,
  base: number,
  end: number,
  signal: AbortSignal,
): Promise<{ start: number; end: number; rows: number }[] | undefined> {
  const runs: { start: number; end: number; rows: number }[] = [];
  await scanRecords(readRange(file, base, end, signal), { delimiter, base }, (_record, from, to) => {
    const last = runs.at(-1);
    if (last?.end === from) {
      last.end = to;
      last.rows++;
    } else if (runs.length <= MOST_RUNS) runs.push({ start: from, end: to, rows: 1 });
  });
  return runs.length > MOST_RUNS ? undefined : runs;
}

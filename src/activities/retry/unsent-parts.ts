/** Copies rows of parts that were never sent to the unprocessed file. */
import { eachRecordBytes, scanRecords } from '../../csv/records.js';
import { readRange } from '../../storage/read-files.js';
import type { TriageContext } from './triage-context.js';
import { rangeOf } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

/** No row of these parts can have been applied. Adjacent parts are read together. */
export async function leaveWhole(sorting: TriageContext, parts: readonly number[]): Promise<void> {
  for (let first = 0, next = 1; first < parts.length; first = next++) {
    while (parts[next] === (parts[next - 1] as number) + 1) next++;
    const { start } = rangeOf(sorting.plan, parts[first] as number);
    const { end } = rangeOf(sorting.plan, parts[next - 1] as number);
    await leaveRange(sorting, start, end);
  }
}

async function leaveRange({ plan, files, signal }: TriageContext, start: number, end: number): Promise<void> {
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

/** With more runs, record by record is as fast. */
const MAX_RUNS = 10_000;

/** Stretches of records without blank lines between them: copying a night's rows is faster than parsing them. */
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
    } else if (runs.length <= MAX_RUNS) runs.push({ start: from, end: to, rows: 1 });
  });
  return runs.length > MAX_RUNS ? undefined : runs;
}

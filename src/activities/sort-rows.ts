/**
 * After a stage: every row that did not land goes to exactly one place: the next round, the rejected rows, or the
 * unprocessed ones. Rows for the next round are the source's own bytes where a key tells them with certainty.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LoadError } from '../contract.js';
import { planParts } from '../csv/parts.js';
import type { PartRange } from '../csv/parts.js';
import { headerBytes } from '../csv/header.js';
import { namedJobs } from '../domain/named-jobs.js';
import { emptyFolder, fingerprint, makeFolder, scanRange } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { unsettledParts } from './ended-parts.js';
import { orderByParent } from './order-by-parent.js';
import { PlannedFixes } from './planned-fixes.js';
import { SortedFiles } from './sorted-files.js';
import { sortStage } from './sorting.js';
import { isAsPlanned, loadPlan, savePlan, sourceChanged, stageOf } from './stage.js';
import type { StagePlan } from './stage.js';
import { step } from './step.js';
import type { PartGroup, SortedRows, SortRowsInput, Stage } from './types.js';

export function sortRows(dependencies: ActivityDependencies): (input: SortRowsInput) => Promise<SortedRows> {
  return step(async (input, { signal, attempt }) => {
    const { roots } = dependencies;
    const stageFolder = roots.ownPathOf(input.stage.uri);
    const nextFolder = roots.ownPathOf(input.nextStageUri);
    const plan = await loadPlan(roots, stageFolder);
    // A folder of its own for each attempt: an earlier one, cut off from the server, may still be writing.
    const folder = join(stageFolder, `sorted-${attempt}`);
    await emptyFolder(folder);
    if (!input.final) await makeFolder(nextFolder);
    const sourceUsable = await isAsPlanned(plan.rows, plan.fingerprint);
    if (!sourceUsable && !input.final) throw sourceChanged(plan);
    const files = new SortedFiles(folder, plan, join(nextFolder, `rows-${attempt}.csv`));
    const fixes = new PlannedFixes(input.final ? [] : (input.fixes ?? []), plan);
    let stop: LoadError | undefined;
    let repeats: boolean;
    const { outcomes, unknownJobs } = await unsettledParts(stageFolder, plan, input);
    try {
      ({ stop, repeats } = await sortStage({
        ...input,
        outcomes,
        plan,
        stageFolder,
        sourceUsable,
        files,
        fixes,
        signal,
      }));
    } finally {
      await files.close();
    }
    // Changed meanwhile: what was written may be half old, half new. The next attempt does without the source.
    if (sourceUsable && !(await isAsPlanned(plan.rows, plan.fingerprint)))
      throw sourceChanged(plan, { again: input.final });
    if (!sourceUsable) {
      const { code, message } = sourceChanged(plan);
      stop ??= { code, message };
    }
    if (unknownJobs.length > 0) stop ??= mayHaveLanded(unknownJobs);
    const next = files.next.rows === 0 ? undefined : await planNext(input, plan, files, nextFolder, repeats, signal);
    return {
      files: {
        ...(files.rejected.rows > 0 && { rejected: pathToFileURL(files.rejected.path).href }),
        ...(files.unprocessed.rows > 0 && { unprocessed: pathToFileURL(files.unprocessed.path).href }),
        ...(files.alreadyDone.rows > 0 && { alreadyDone: pathToFileURL(files.alreadyDone.path).href }),
        ...(files.changes.rows > 0 && { changes: pathToFileURL(files.changes.path).href }),
      },
      rejected: files.rejected.rows,
      unprocessed: files.unprocessed.rows,
      alreadyDone: files.alreadyDone.rows,
      rerendered: files.rerendered,
      ...(next && { next }),
      ...(stop && { stop }),
    };
  });
}

/** The load was ended before it learned of them: their rows are called neither unprocessed nor sent again. */
function mayHaveLanded(jobIds: readonly string[]): LoadError {
  return {
    code: 'EARLIER_JOBS_UNKNOWN',
    message:
      `Rows of this load were sent before it was reset, or a part of it terminated, with job ${namedJobs(jobIds)}: what became of ` +
      'them is not known. Compare the job in Setup > Bulk Data Load Jobs with the source before you load any of them again.',
  };
}

/** A job of so many rows is one batch, and a batch is worked on by one process. */
const BATCH = 10_000;
/** More jobs one after the other would take longer than the locks that they avoid. */
const MOST_SERIAL_JOBS = 200;

/** Cuts the next round's rows into parts; an insert may go on as an upsert for the rows that have a key. */
async function planNext(
  input: SortRowsInput,
  plan: StagePlan,
  files: SortedFiles,
  folder: string,
  repeats: boolean,
  signal: AbortSignal,
): Promise<Stage> {
  const path = files.next.path;
  // Ordered by parent, an older row of a key could come after a newer one, and overwrite it.
  if (plan.parent !== undefined && !repeats) {
    await orderByParent(path, [0, files.keyedBytes, files.next.bytes], { ...plan, parent: plan.parent }, signal);
  }
  const keyed: Pick<PartGroup, 'operation' | 'externalIdFieldName'> =
    (input.operation === 'insert' || input.operation === 'upsert') && plan.key !== undefined
      ? { operation: 'upsert', externalIdFieldName: plan.key.column }
      : { operation: input.operation };
  const loose = input.operation === 'insert' ? { operation: input.operation } : keyed;
  const parts: PartRange[] = [];
  const groups: PartGroup[] = [];
  const header = headerBytes(plan.names, plan.delimiter, plan.lineEnding).length;
  const add = async (start: number, end: number, how: typeof keyed): Promise<void> => {
    if (start === end) return;
    const cut = await planParts(scanRange(path, start, end, signal), {
      delimiter: plan.delimiter,
      base: start,
      maxBytes: Math.max(1, input.partMaxBytes - header),
      ...(input.serial === true && { maxRecords: Math.max(BATCH, Math.ceil(files.next.rows / MOST_SERIAL_JOBS)) }),
    });
    groups.push({ ...how, firstPart: parts.length + 1, lastPart: parts.length + cut.parts.length });
    parts.push(...cut.parts);
  };
  const border = loose.operation === keyed.operation ? files.next.bytes : files.keyedBytes;
  await add(0, border, keyed);
  await add(border, files.next.bytes, loose);
  const nextPlan: StagePlan = { ...plan, rows: path, fingerprint: await fingerprint(path), parts, groups };
  await savePlan(folder, nextPlan);
  return stageOf(folder, nextPlan);
}

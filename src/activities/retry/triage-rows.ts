/**
 * Runs after a stage: every row that did not land goes to exactly one place: the next round, the rejected rows, or the
 * unprocessed rows. Rows for the next round are the source's own bytes if a key identifies them with certainty.
 */
import type { LoadError } from '../../contract/load-result.js';
import { planParts } from '../../csv/plan-parts.js';
import type { PartRange } from '../../csv/plan-parts.js';
import { headerBytes } from '../../rows/column-mapping.js';
import { namedJobs } from '../../domain/text/named-jobs.js';
import { join, uriOf } from '../../storage/locations.js';
import { scanRange } from '../../storage/read-files.js';
import { emptyFolder, makeFolder } from '../../storage/files/file-tree.js';
import { fingerprint } from '../../storage/fingerprint.js';
import type { ActivityDependencies } from '../dependencies.js';
import { unsettledParts } from '../results/part-outcomes.js';
import { orderByParent } from './group-by-parent.js';
import { PlannedFixes } from './planned-fixes.js';
import { TriageOutput } from './triage-output.js';
import { triageStage } from './triage.js';
import { undeliverable } from './undeliverable-parts.js';
import type { Undeliverable } from './undeliverable-parts.js';
import { isAsPlanned, loadPlan, savePlan, sourceChanged, stageOf } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { runActivity } from '../run-activity.js';
import type { TriagedRows, TriageRowsInput } from '../../protocol/activities/retry-types.js';
import type { PartGroup, Stage } from '../../protocol/activities/plan-types.js';
import { defined } from '../../domain/defined.js';

export function triageRows(dependencies: ActivityDependencies): (input: TriageRowsInput) => Promise<TriagedRows> {
  return runActivity(async (input, { signal, attempt }) => {
    const { roots } = dependencies;
    const stageFolder = roots.ownPathOf(input.stage.uri);
    const nextFolder = roots.ownPathOf(input.nextStageUri);
    const plan = await loadPlan(roots, stageFolder);
    // A separate folder for each attempt: an earlier one that lost its server may still be writing.
    const folder = join(stageFolder, `sorted-${attempt}`);
    await emptyFolder(folder);
    if (!input.final) await makeFolder(nextFolder);
    const sourceUsable = await isAsPlanned(plan.rows, plan.fingerprint);
    if (!sourceUsable && !input.final) throw sourceChanged(plan);
    const next = join(nextFolder, `rows-${attempt}.csv`);
    const files = new TriageOutput(folder, plan, { next, found: input.final ? join(folder, 'found.csv') : next });
    const fixes = new PlannedFixes(input.final ? [] : (input.fixes ?? []), plan);
    let stop: LoadError | undefined;
    let repeats: boolean;
    const { outcomes, unknownJobs } = await unsettledParts(stageFolder, plan, input);
    try {
      ({ stop, repeats } = await triageStage({
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
    // The source changed meanwhile, so the output may mix old and new rows. The next attempt does not use the source.
    if (sourceUsable && !(await isAsPlanned(plan.rows, plan.fingerprint)))
      throw sourceChanged(plan, { again: input.final });
    let unsent: Undeliverable | undefined;
    if (!sourceUsable) {
      const { code, message } = sourceChanged(plan);
      stop ??= { code, message };
      unsent = undeliverable(
        plan,
        outcomes.filter(({ kind }) => kind === 'notStarted').map(({ part }) => part),
      );
    }
    if (unknownJobs.length > 0) stop ??= mayHaveLanded(unknownJobs);
    const nextStage =
      files.next.rows === 0 ? undefined : await planNext(input, plan, { files, folder: nextFolder, repeats, signal });
    return {
      files: {
        ...(files.rejected.rows > 0 && { rejected: uriOf(files.rejected.path) }),
        ...(files.unprocessed.rows > 0 && { unprocessed: uriOf(files.unprocessed.path) }),
        ...(files.alreadyDone.rows > 0 && { alreadyDone: uriOf(files.alreadyDone.path) }),
        ...(files.changes.rows > 0 && { changes: uriOf(files.changes.path) }),
      },
      rejected: files.rejected.rows,
      unprocessed: files.unprocessed.rows + (unsent?.rows ?? 0),
      alreadyDone: files.alreadyDone.rows,
      rerendered: files.rerendered,
      ...defined({ next: nextStage, stop, warnings: unsent && [unsent.warning] }),
    };
  });
}

/** The load ended before it learned of these jobs: their rows are neither reported as unprocessed nor sent again. */
function mayHaveLanded(jobIds: readonly string[]): LoadError {
  return {
    code: 'EARLIER_JOBS_UNKNOWN',
    message:
      `Rows of this load were sent with job ${namedJobs(jobIds)} before a reset of the load or a termination of a part: their outcome ` +
      'is unknown. Compare the job in Setup > Bulk Data Load Jobs with the source before you load any of them again.',
  };
}

/** A job with this many rows is one batch, which one process handles. */
const BATCH = 10_000;
/** More jobs in sequence would take longer than the locks that they avoid. */
const MAX_SERIAL_JOBS = 200;

/** Cuts the next round's rows into parts; an insert may continue as an upsert for rows with a key. */
async function planNext(
  input: TriageRowsInput,
  plan: StagePlan,
  { files, folder, repeats, signal }: { files: TriageOutput; folder: string; repeats: boolean; signal: AbortSignal },
): Promise<Stage> {
  const path = files.next.path;
  // Ordered by parent, an older row of a key could follow a newer one and overwrite it.
  if (plan.parent !== undefined && !repeats) {
    await orderByParent(path, [0, files.keyedBytes, files.next.bytes], { ...plan, parent: plan.parent, signal });
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
      ...(input.serial === true && { maxRecords: Math.max(BATCH, Math.ceil(files.next.rows / MAX_SERIAL_JOBS)) }),
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

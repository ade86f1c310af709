/**
 * Reads the source once: its dialect, its columns, the ends of its records. If its bytes cannot be sent as they are, a
 * copy is written next to the results. Everything that can be known before a job exists is refused here.
 */
import { isDelete } from '../../domain/platform/operations.js';
import type { Operation } from '../../contract/names.js';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { lengthsOf } from './field-lengths.js';
import { join } from '../../storage/locations.js';
import { isThere, makeFolder } from '../../storage/files/file-tree.js';
import { fingerprint, sameFingerprint } from '../../storage/fingerprint.js';
import type { Fingerprint } from '../../storage/fingerprint.js';
import type { FileRoots } from '../../storage/files/file-roots.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf, permit, permitFixer } from '../dependencies.js';
import { openFiles } from '../source/join-files.js';
import { withoutCopy } from '../source/open-source.js';
import { fingerprintOf, holdingSource, isUnchanged, sourceFiles } from '../../storage/source-files.js';
import type { SourceFiles } from '../../storage/source-files.js';
import { preflight, throwFindings } from './check-header.js';
import type { Preflight } from './check-header.js';
import { prepareRows } from './prepare-rows.js';
import { isAsPlanned, loadPlan, PLAN_FILE, savePlan, sourceChanged, stageOf } from '../stage/stage-plan.js';
import type { KeyRule, OriginalFile, StagePlan } from '../stage/stage-plan-types.js';
import { runCountedActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import type { PlanLoadInput, PlannedLoad } from '../../protocol/activities/plan-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import { defined } from '../../domain/defined.js';

/** Warnings are part of results and details. */
const MAX_WARNINGS = 10;

export function planLoad(dependencies: ActivityDependencies): (input: PlanLoadInput) => Promise<Counted<PlannedLoad>> {
  return runCountedActivity(async (input, step) => {
    const { roots } = dependencies;
    const source = await sourceFiles(roots, input.source);
    await permit(dependencies, input.connection, { ...input, sourcePath: source.location });
    permitFixer(dependencies, input.fixer);
    const stageFolder = join(roots.ownPathOf(input.workUri), 'first');
    const before = await fingerprintOf(source);
    const known = await plannedBefore(roots, stageFolder, before);
    if (known !== undefined) return known;
    // Reads the same bytes to the end, even if the file is replaced meanwhile.
    const plan = await holdingSource(source, (held) => makePlan(dependencies, { source: held, before, input }, step));
    if (!(await isUnchanged(roots, input.source, before))) throw writtenTo(source);
    await savePlan(stageFolder, plan);
    return planned(stageFolder, plan);
  });
}

function writtenTo(source: SourceFiles): NightloadError {
  return new NightloadError(
    'SOURCE_CHANGED',
    `${shownPath(source.location)} changed while it was being read. Start the load again once it is complete.`,
  );
}

async function makePlan(
  dependencies: ActivityDependencies,
  { source, before, input }: { source: SourceFiles; before: Fingerprint; input: PlanLoadInput },
  step: ActivityRun,
): Promise<StagePlan> {
  const work = dependencies.roots.ownPathOf(input.workUri);
  // Also for details of later errors. Not emptied: after a workflow reset it may hold results of parts that landed
  // before.
  await makeFolder(work);
  const connection = connectionOf(dependencies, input.connection);
  const { maxUnpackedBytes } = dependencies;
  const opened = await openFiles(source, work, { ...input, maxUnpackedBytes }, step);
  const checked = await withoutCopy(opened.path, async () => {
    const found = await preflight(connection, input, opened.dialect.header, step);
    throwFindings(found.errors, opened.dialect.header);
    return found;
  });
  const prepared = await prepareRows({ opened, checked, work, input, step });

  // A single file is held open.
  if (!source.isMany && !sameFingerprint(await fingerprintOf(source), before)) throw writtenTo(source);
  const { rows, rejected } = prepared;
  const key = keyRule(checked, input.operation, rows.names);
  const original: OriginalFile = {
    path: opened.path,
    fingerprint: await fingerprint(opened.path),
    delimiter: opened.dialect.delimiter,
    dataStart: opened.dialect.dataStart,
    columns: checked.columns.kept,
  };
  const parent = parentColumn(rows.names, checked.describe);
  const lengths = lengthsOf(rows.names, checked.describe);
  return {
    rows: rows.path,
    fingerprint: await fingerprint(rows.path),
    delimiter: rows.dialect.delimiter,
    lineEnding: rows.dialect.lineEnding,
    names: rows.names,
    parts: rows.plan.parts,
    groups: [
      {
        operation: input.operation,
        ...(input.operation === 'upsert' && { externalIdFieldName: checked.externalIdFieldName as string }),
        firstPart: 1,
        lastPart: rows.plan.parts.length,
      },
    ],
    source: before,
    apiVersion: checked.apiVersion,
    ...defined({ object: checked.describe?.name }),
    warnings: [...rows.warnings, ...checked.warnings].map(({ message }) => message).slice(0, MAX_WARNINGS),
    ...defined({ rejected, key, parent, sources: opened.rows }),
    ...(Object.keys(lengths).length > 0 && { lengths }),
    kept: original,
    ...(isDelete(input.operation) && { original }),
  };
}

function planned(stageFolder: string, plan: StagePlan): PlannedLoad {
  const { apiVersion = '', object, warnings = [], rejected } = plan;
  return {
    apiVersion,
    stage: stageOf(stageFolder, plan),
    warnings,
    ...defined({ object, rejected }),
  };
}

/**
 * The plan of an earlier attempt, or of a run before a workflow reset: parts that were sent under it must stay the
 * same.
 */
async function plannedBefore(
  roots: FileRoots,
  stageFolder: string,
  source: Fingerprint,
): Promise<PlannedLoad | undefined> {
  if (!(await isThere(join(stageFolder, PLAN_FILE)))) return undefined;
  const plan = await loadPlan(roots, stageFolder);
  const intact = plan.source !== undefined && sameFingerprint(plan.source, source);
  if (!intact || !(await isAsPlanned(plan.rows, plan.fingerprint))) throw sourceChanged(plan);
  return planned(stageFolder, plan);
}

/** The column that identifies rows; for an insert, only an external id that describe reports as unique. */
function keyRule(checked: Preflight, operation: Operation, names: string[]): KeyRule | undefined {
  const wanted = operation === 'insert' || operation === 'upsert' ? checked.externalIdFieldName : 'Id';
  if (wanted === undefined) return undefined;
  const same = (name: string): boolean => name.toLowerCase() === wanted.toLowerCase();
  const column = names.find(same);
  const field = checked.describe?.fields.find(({ name }) => same(name));
  if (column === undefined) return undefined;
  if (operation === 'insert' && !(field?.externalId === true && field.unique)) return undefined;
  return { column, ...(field && { type: field.type, caseSensitive: field.caseSensitive }) };
}

/** Lookups that most rows share and whose records a write does not lock. */
const UNLOCKED = new Set(['owner', 'recordtype', 'createdby', 'lastmodifiedby']);

/**
 * The first column that names another record: `AccountId`, `Account.Key__c`. Rows with the same parent compete for its
 * lock.
 */
function parentColumn(names: readonly string[], describe: Preflight['describe']): string | undefined {
  const lookups = (describe?.fields ?? []).filter(
    ({ type, relationshipName = '' }) => type === 'reference' && !UNLOCKED.has(relationshipName.toLowerCase()),
  );
  const byRelationship = new Set(lookups.map(({ relationshipName = '' }) => relationshipName.toLowerCase()));
  const byName = new Set(lookups.map(({ name }) => name.toLowerCase()));
  return names.find((name) => {
    const [relation = ''] = name.toLowerCase().replace(/^\w+:/, '').split('.');
    return (name.includes('.') ? byRelationship : byName).has(relation);
  });
}

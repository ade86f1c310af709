/**
 * Stores the outcomes of a load's parts. These lists grow with the number of parts, so they move to files next to the
 * plan once they are too long for a history.
 */
import type { JobSummary } from '../../contract/load-result.js';
import { partFolder } from '../../domain/result-layout.js';
import { isExceptional, NO_ROWS } from '../../domain/part-outcome.js';
import { join } from '../../storage/locations.js';
import { readNote } from '../../storage/read-files.js';
import { saveText } from '../../storage/write-files.js';
import { incompleteFolder } from '../../storage/files/disk-errors.js';
import type { FileRoots } from '../../storage/files/file-roots.js';
import { claimedJob } from '../job/upload-claim.js';
import type { ActivityDependencies } from '../dependencies.js';
import { ENDED } from '../stage/plan-schema.js';
import { loadPlan, partFiles, sizesFrom } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { runActivity } from '../run-activity.js';
import type { TriageRowsInput } from '../../protocol/activities/retry-types.js';
import type { EndedParts, EndedStage, NotePartsInput, PartOutcome } from '../../protocol/activities/ended-parts.js';
import type { PartSizes, ReadPartSizesInput } from '../../protocol/activities/plan-types.js';

type Entries = Pick<EndedParts, 'outcomes' | 'jobs'>;

function fileOf(stageFolder: string, number: number): string {
  return join(stageFolder, `ended-${String(number).padStart(5, '0')}.json`);
}

export function recordParts(dependencies: ActivityDependencies): (input: NotePartsInput) => Promise<void> {
  return runActivity(async ({ stageUri, file, outcomes, jobs }) => {
    const folder = dependencies.roots.ownPathOf(stageUri);
    await saveText(JSON.stringify({ outcomes, jobs } satisfies Entries), fileOf(folder, file));
  });
}

export function readPartSizes({ roots }: ActivityDependencies): (input: ReadPartSizesInput) => Promise<PartSizes> {
  return runActivity(async ({ stageUri, from }) => sizesFrom(await loadPlan(roots, roots.ownPathOf(stageUri)), from));
}

/** All entries of a stage, oldest first. */
async function* entries(stageFolder: string, { noted, outcomes, jobs }: EndedParts): AsyncGenerator<Entries> {
  for (let number = 1; number <= noted; number++) {
    yield await readEntries(stageFolder, number);
  }
  yield { outcomes, jobs };
}

const MAX_ENTRIES_BYTES = 64_000_000;

async function readEntries(stageFolder: string, number: number): Promise<Entries> {
  const bytes = await readNote(fileOf(stageFolder, number), MAX_ENTRIES_BYTES);
  try {
    return ENDED.parse(JSON.parse((bytes ?? '').toString()));
  } catch (error) {
    throw incompleteFolder(stageFolder, error);
  }
}

/**
 * Parts whose rows must be sorted. A job that a part's folder records but the outcomes lack comes first: a load that
 * was reset or canceled before it learned of that job must not report its rows as unprocessed.
 */
export async function unsettledParts(
  stageFolder: string,
  plan: Pick<StagePlan, 'parts'>,
  {
    outcomes,
    jobs = [],
    noted = 0,
    notStartedFrom = Infinity,
  }: Pick<TriageRowsInput, 'outcomes' | 'jobs' | 'noted' | 'notStartedFrom'>,
): Promise<{ outcomes: PartOutcome[]; unknownJobs: string[] }> {
  const unsettled: PartOutcome[] = [];
  const known = new Set<string>();
  for await (const some of entries(stageFolder, { noted, outcomes, jobs })) {
    unsettled.push(...some.outcomes.filter(isExceptional));
    for (const { id } of some.jobs) known.add(id);
  }
  for (let part = notStartedFrom; part <= plan.parts.length; part++) {
    unsettled.push({ part, kind: 'notStarted', counts: NO_ROWS, missing: 0 });
  }
  const unknownJobs: string[] = [];
  for (const [index, outcome] of unsettled.entries()) {
    if (outcome.kind !== 'notStarted') continue;
    const jobId = await claimedJob(join(stageFolder, partFolder(outcome.part)));
    if (jobId === undefined || known.has(jobId)) continue;
    unsettled[index] = { ...outcome, kind: 'lost' };
    unknownJobs.push(jobId);
  }
  return { outcomes: unsettled, unknownJobs };
}

/** Paths of all files with rows that landed. */
export async function landedFiles(roots: FileRoots, ended: readonly EndedStage[]): Promise<string[]> {
  const paths: string[] = [];
  for (const stage of ended) {
    const folder = roots.ownPathOf(stage.uri);
    for await (const { outcomes } of entries(folder, stage)) {
      const landed = outcomes.filter(({ counts }) => counts.succeeded > 0);
      paths.push(...landed.map(({ part }) => partFiles(folder, part).succeeded));
    }
    if (stage.alreadyDone !== undefined) paths.push(roots.ownPathOf(stage.alreadyDone));
  }
  return paths;
}

export async function allJobs(roots: FileRoots, ended: readonly EndedStage[]): Promise<JobSummary[]> {
  const all: JobSummary[] = [];
  for (const stage of ended) {
    for await (const { jobs } of entries(roots.ownPathOf(stage.uri), stage)) all.push(...jobs);
  }
  return all;
}

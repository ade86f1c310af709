/**
 * How the parts of a load ended: lists that grow with the number of parts, and so lie in files beside the plan as soon as
 * they are too long for a history.
 */
import { join } from 'node:path';
import type { JobSummary } from '../contract.js';
import { partFolder } from '../layout.js';
import { isExceptional, NO_ROWS } from '../part-outcome.js';
import { incompleteFolder, readNote, saveText } from '../storage/files.js';
import type { FileRoots } from '../storage/roots.js';
import { claimedJob } from './claim.js';
import type { ActivityDependencies } from './dependencies.js';
import { ENDED } from './stage-plan.js';
import { loadPlan, partFiles, sizesFrom } from './stage.js';
import type { StagePlan } from './stage.js';
import { step } from './step.js';
import type {
  EndedParts,
  EndedStage,
  NotePartsInput,
  PartOutcome,
  PartSizes,
  ReadPartSizesInput,
  SortRowsInput,
} from './types.js';

type Entries = Pick<EndedParts, 'outcomes' | 'jobs'>;

function fileOf(stageFolder: string, number: number): string {
  return join(stageFolder, `ended-${String(number).padStart(5, '0')}.json`);
}

export function noteParts(dependencies: ActivityDependencies): (input: NotePartsInput) => Promise<void> {
  return step(async ({ stageUri, file, outcomes, jobs }) => {
    const folder = dependencies.roots.ownPathOf(stageUri);
    await saveText(JSON.stringify({ outcomes, jobs } satisfies Entries), fileOf(folder, file));
  });
}

export function readPartSizes({ roots }: ActivityDependencies): (input: ReadPartSizesInput) => Promise<PartSizes> {
  return step(async ({ stageUri, from }) => sizesFrom(await loadPlan(roots, roots.ownPathOf(stageUri)), from));
}

/** All entries of a stage, oldest first. */
async function* entries(stageFolder: string, { noted, outcomes, jobs }: EndedParts): AsyncGenerator<Entries> {
  for (let number = 1; number <= noted; number++) {
    yield await readEntries(stageFolder, number);
  }
  yield { outcomes, jobs };
}

const MOST_ENTRIES_BYTES = 64_000_000;

async function readEntries(stageFolder: string, number: number): Promise<Entries> {
  const bytes = await readNote(fileOf(stageFolder, number), MOST_ENTRIES_BYTES);
  try {
    return ENDED.parse(JSON.parse((bytes ?? '').toString()));
  } catch (error) {
    throw incompleteFolder(stageFolder, error);
  }
}

/**
 * Parts of which something has to be sorted. What a part's folder says of a job that the outcomes do not know comes first:
 * a load that was reset or canceled before it learned of that job must not call its rows unprocessed.
 */
export async function unsettledParts(
  stageFolder: string,
  plan: Pick<StagePlan, 'parts'>,
  {
    outcomes,
    jobs = [],
    noted = 0,
    notStartedFrom = Infinity,
  }: Pick<SortRowsInput, 'outcomes' | 'jobs' | 'noted' | 'notStartedFrom'>,
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

/**
 * Checks the folders in a step's input. A program that completes activities in a worker's place could make a load
 * believe that its files lie in another load's folder; a step would then read or send that load's rows, or overwrite
 * its notes. So each folder must lie in a folder that the load owns.
 */
import { Context } from '@temporalio/activity';
import { NightloadError } from '../../errors.js';
import { runFolder } from '../../domain/result-layout.js';
import { basename, isBelow, uriOf } from '../../storage/locations.js';
import { diskError } from '../../storage/files/disk-errors.js';
import { permit } from '../dependencies.js';
import type { ActivityDependencies, CallingLoad } from '../dependencies.js';
import { ownerAbove } from './results-owner.js';
import type { FolderOwner } from './results-owner.js';
import { runActivity } from '../run-activity.js';

/** Input fields that name what the worker wrote itself, or is about to write. */
const OWN = new Set([
  ...['stageUri', 'nextStageUri', 'workUri', 'outputUri', 'uri', 'alreadyDone'],
  ...['rejected', 'unprocessed', 'changes'],
]);
const NESTED = ['stage', 'ended'];

/** Call before a step on files. @throws ApplicationFailure `CALLER_REFUSED` */
export function refuseForeignFolders(dependencies: ActivityDependencies): (input: unknown) => Promise<void> {
  const { roots, loadOf } = dependencies;
  return runActivity(async (input) => {
    const { info } = Context.current();
    const load = await loadOf?.(info);
    if (load === undefined) return;
    const folders = new Set(urisOf(input).map((uri) => roots.ownPathOf(uri)));
    if (info.workflowType === 'checkLoad') {
      for (const folder of folders) refuseUnlessNamedAfter(folder, load);
      return;
    }
    const known = new Map<string, FolderOwner | undefined>();
    for (const folder of folders) {
      const owner = await ownerAbove(roots, folder, known).catch((error: unknown) => {
        throw diskError(error, folder);
      });
      if (owner !== undefined && owner.workflowId !== load.workflowId) throw refusal(owner.folder, load);
    }
    await refuseForbiddenFolders(dependencies, input, folders);
  });
}

/** The allow-list was checked when the load began; the folder in a step's input may be another one. */
async function refuseForbiddenFolders(
  dependencies: ActivityDependencies,
  input: unknown,
  folders: ReadonlySet<string>,
): Promise<void> {
  const { roots, allows, defaultOutput } = dependencies;
  const { connection } = input as { connection?: unknown };
  if (typeof connection !== 'string' || allows?.get(connection)?.outputPrefixes === undefined) return;
  const own = await roots.pathOf(defaultOutput);
  for (const folder of folders) {
    if (isBelow(folder, own)) continue;
    await permit(dependencies, connection, { output: uriOf(folder), outputPath: folder });
  }
}

/** A check owns no folder, and removes its own at the end. */
function refuseUnlessNamedAfter(folder: string, load: CallingLoad): void {
  if (load.firstRunId !== '' && basename(folder) !== runFolder(load.firstRunId)) throw refusal(folder, load);
}

function urisOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(urisOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]: [string, unknown]) => {
    if (NESTED.includes(key)) return urisOf(held);
    if (!OWN.has(key)) return [];
    return [held].flat().filter((uri): uri is string => typeof uri === 'string');
  });
}

function refusal(folder: string, { workflowId }: CallingLoad): NightloadError {
  return new NightloadError(
    'CALLER_REFUSED',
    `${folder} is not a folder of the workflow ${JSON.stringify(workflowId.slice(0, 200))}, so this step does nothing there. ` +
      'A Temporal client that may complete activities in this namespace (RespondActivityTaskCompletedById) may have put it there: ' +
      'find out which, then start the load again.',
  );
}

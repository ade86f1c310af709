/**
 * Decides who owns a load's results folder: the workflow that wrote there first, and its later runs. Otherwise anyone
 * who may start workflows could reuse another load's id and replace its files.
 */
import { Context } from '@temporalio/activity';
import { OWNER_FILE } from '../../domain/result-layout.js';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { dirname, join } from '../../storage/locations.js';
import { readOwnerNote } from '../../storage/owner-note.js';
import type { ResultOwner } from '../../storage/owner-note.js';
import { isThere, makeFolder } from '../../storage/files/file-tree.js';
import { saveNew } from '../../storage/write-files.js';
import type { FileRoots } from '../../storage/files/file-roots.js';
import { readOwnerOfReport } from './results-folder.js';

/**
 * @param firstRunId of the new load
 * @throws NightloadError `LOAD_ID_IN_USE`
 */
export async function takeResultFolder(roots: FileRoots, folder: string, firstRunId: string): Promise<void> {
  roots.checked(folder);
  const { workflowId } = asking();
  await refuseNested(roots, folder);
  await makeFolder(folder);
  await enterOwner(folder, { workflowId, firstRunId });
}

/** The results folder of the calling load. @throws NightloadError `LOAD_ID_IN_USE` */
export async function ownResultFolder(roots: FileRoots, outputUri: string): Promise<string> {
  const folder = roots.ownPathOf(outputUri);
  const { workflowId, runId } = asking();
  await makeFolder(folder);
  // Loads started by a version without this note have none.
  await enterOwner(folder, { workflowId, firstRunId: runId });
  return folder;
}

/** The workflow that called this step; without one there are no results. */
function asking(): { workflowId: string; runId: string } {
  const { workflowExecution } = Context.current().info;
  if (workflowExecution !== undefined) return workflowExecution;
  throw new NightloadError('INVALID_INPUT', 'This step belongs to a load: only its workflow may schedule it.');
}

async function enterOwner(folder: string, own: ResultOwner): Promise<void> {
  const path = join(folder, OWNER_FILE);
  if (!(await isThere(path))) {
    // From a version without this note.
    const before = await readOwnerOfReport(folder);
    if (before !== undefined && before !== own.workflowId) throw inUse(folder, before);
    if (await saveNew(JSON.stringify(own), path, { shared: true })) return;
  }
  const owner = await readOwnerNote(folder);
  if (owner?.workflowId !== own.workflowId) throw inUse(folder, owner?.workflowId);
}

/** A results folder and the workflow that owns it: undefined if its note is unreadable. */
export interface FolderOwner {
  folder: string;
  workflowId: string | undefined;
}

/**
 * The results folder that is or contains a given folder; the nearest one.
 * @param known results of recent lookups for other folders
 */
export async function ownerAbove(
  roots: FileRoots,
  folder: string,
  known: Map<string, FolderOwner | undefined>,
): Promise<FolderOwner | undefined> {
  if (known.has(folder)) return known.get(folder);
  const path = join(folder, OWNER_FILE);
  const isTop = roots.isTop(folder);
  const found = (await isThere(path))
    ? { folder, workflowId: (await readOwnerNote(folder))?.workflowId }
    : isTop
      ? undefined
      : await ownerAbove(roots, dirname(folder), known);
  known.set(folder, found);
  return found;
}

/** Results inside of those of another load could come into the place of its files. */
async function refuseNested(roots: FileRoots, folder: string): Promise<void> {
  for (let above = dirname(folder); !roots.isTop(above); above = dirname(above)) {
    if (await isThere(join(above, OWNER_FILE))) {
      throw new NightloadError(
        'LOAD_ID_IN_USE',
        `${shownPath(folder)} is inside the results of another load (${shownPath(above)}). Choose another output.`,
      );
    }
  }
}

function inUse(folder: string, owner: string | undefined): NightloadError {
  const whose =
    owner === undefined
      ? `to a workflow that ${OWNER_FILE} in it does not name`
      : `to the workflow ${JSON.stringify(owner.slice(0, 200))}`;
  return new NightloadError(
    'LOAD_ID_IN_USE',
    `The folder ${shownPath(folder)} belongs ${whose}, so no other workflow can use its load id. Choose another loadId or output, ` +
      'start the load under that workflow id, or remove the folder if its files are no longer needed.',
  );
}

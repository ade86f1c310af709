/**
 * Whose the folder of a load's results is: of the workflow that claimed it first, and of its later runs. Whoever may
 * start workflows could else name the load id of another one, and its files would be replaced.
 */
import { Context } from '@temporalio/activity';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { isThere, makeFolder, readSmallFile, saveNew } from '../storage/files.js';
import type { FileRoots } from '../storage/roots.js';
import { readOwnerOfReport } from './result-folder.js';

export const OWNER_FILE = '.nightload-owner';

const OWNER = z.object({ workflowId: z.string().min(1).max(2_000), firstRunId: z.string().max(100) });
type Owner = z.infer<typeof OWNER>;
const MOST_OWNER_BYTES = 10_000;
/** A moment after it is made, a note has two names; see `saveNew`. */
const ATTEMPTS = 20;
const WAIT_MS = 50;

/**
 * @param firstRunId of the load that begins
 * @throws NightloadError `LOAD_ID_IN_USE`
 */
export async function claimResultFolder(roots: FileRoots, folder: string, firstRunId: string): Promise<void> {
  roots.checked(folder);
  const { workflowId } = asking();
  await refuseNested(roots, folder);
  await makeFolder(folder);
  await claim(folder, { workflowId, firstRunId });
}

/** The folder for the results of the load that asks. @throws NightloadError `LOAD_ID_IN_USE` */
export async function ownResultFolder(roots: FileRoots, outputUri: string): Promise<string> {
  const folder = roots.ownPathOf(outputUri);
  const { workflowId, runId } = asking();
  await makeFolder(folder);
  // Loads that a version without this note began have none.
  await claim(folder, { workflowId, firstRunId: runId });
  return folder;
}

/** The workflow that asks for this step; a step that none asks for has no results. */
function asking(): { workflowId: string; runId: string } {
  const { workflowExecution } = Context.current().info;
  if (workflowExecution !== undefined) return workflowExecution;
  throw new NightloadError('INVALID_INPUT', 'This step belongs to a load: only its workflow may ask for it.');
}

async function claim(folder: string, own: Owner): Promise<void> {
  const path = join(folder, OWNER_FILE);
  if (!(await isThere(path))) {
    // Of a version without this note.
    const before = await readOwnerOfReport(folder);
    if (before !== undefined && before !== own.workflowId) throw inUse(folder, before);
    if (await saveNew(JSON.stringify(own), path, { shared: true })) return;
  }
  const owner = await readOwner(path);
  if (owner?.workflowId !== own.workflowId) throw inUse(folder, owner?.workflowId);
}

/** Undefined when nobody can tell. */
async function readOwner(path: string): Promise<Owner | undefined> {
  for (let attempt = 1; ; attempt++) {
    const bytes = await readSmallFile(path, MOST_OWNER_BYTES);
    const owner = bytes && OWNER.safeParse(parsed(bytes)).data;
    if (owner !== undefined || attempt === ATTEMPTS) return owner;
    await new Promise((done) => setTimeout(done, WAIT_MS));
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Results inside of those of another load could come into the place of its files. */
async function refuseNested(roots: FileRoots, folder: string): Promise<void> {
  for (
    let above = dirname(folder);
    !roots.folders.includes(above) && dirname(above) !== above;
    above = dirname(above)
  ) {
    if (await isThere(join(above, OWNER_FILE))) {
      throw new NightloadError(
        'LOAD_ID_IN_USE',
        `${folder} lies inside of the results of another load (${above}). Choose another output.`,
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
    `The folder ${folder} belongs ${whose}, so another workflow must not use its load id. Choose another loadId or output, ` +
      'start the load under that workflow id, or remove the folder when nobody needs its files any more.',
  );
}

/**
 * Enters what became of the messages of one event into the report of their load. The step runs after the load has ended,
 * when its folder may hold the results of a later run: those stay as they are.
 */
import { Context } from '@temporalio/activity';
import { isRunFolder, MESSAGES_FOLDER, OWNER_FILE, runFolder } from '../../domain/result-layout.js';
import { NightloadError } from '../../errors.js';
import type { NoteDeliveriesInput } from '../../protocol/activities/notify-types.js';
import { isThere, makeFolder } from '../../storage/files/file-tree.js';
import { basename, dirname, join } from '../../storage/locations.js';
import { readOwnerNote } from '../../storage/owner-note.js';
import { saveText } from '../../storage/write-files.js';
import type { ActivityDependencies } from '../dependencies.js';
import { showMessages } from '../report/show-messages.js';
import { runActivity } from '../run-activity.js';

/** Id of the workflow that sends the messages of an event of a load. */
const SENDER = /^(?<load>.+)\/notify-[0-9a-f]{8}\/(?<event>[A-Za-z]{1,20}-\d{1,4})$/s;

export function noteDeliveries({ roots, loadOf }: ActivityDependencies): (input: NoteDeliveriesInput) => Promise<void> {
  return runActivity(async ({ outputUri, workUri, notes }) => {
    const { info } = Context.current();
    const { load: named, event } = SENDER.exec(info.workflowExecution?.workflowId ?? '')?.groups ?? {};
    const load = await loadOf?.(info);
    const [folder, work] = [roots.ownPathOf(outputUri), roots.ownPathOf(workUri)];
    const workflowId = load?.workflowId ?? named;
    const isOwn = named !== undefined && workflowId === named && (await ownerOf(folder)) === named;
    // Those of another run of the load are its own.
    const isRun = load === undefined || load.firstRunId === '' || basename(work) === runFolder(load.firstRunId);
    if (!isOwn || !isRun || dirname(work) !== folder || !isRunFolder(basename(work))) {
      throw new NightloadError(
        'CALLER_REFUSED',
        'The folder in the input of noteDeliveries is not that of the load whose messages are sent, so its report stays as it is.',
      );
    }
    const ours = join(work, MESSAGES_FOLDER);
    await makeFolder(ours);
    await saveText(JSON.stringify(notes), join(ours, `${event}.json`));
    await showMessages(folder, work);
  });
}

/** Undefined if the folder is gone, or its note is unreadable. */
async function ownerOf(folder: string): Promise<string | undefined> {
  if (!(await isThere(join(folder, OWNER_FILE)))) return undefined;
  return (await readOwnerNote(folder))?.workflowId;
}

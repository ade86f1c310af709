/**
 * Shows in a load's report what became of its messages, from the notes in the run's own folder: each event has a file
 * there, which only its workflow writes. So steps that run at the same time lose nothing, and the last one sees all.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DeliveryNote } from '../../contract/notification.js';
import { MESSAGES_FOLDER, RESULT_NAMES } from '../../domain/result-layout.js';
import { withMessages } from '../../pages/report/messages.js';
import { deliveryNotes, MAX_DELIVERY_NOTES } from '../../protocol/activities/notify-shapes.js';
import { isThere, listFolder } from '../../storage/files/file-tree.js';
import { join } from '../../storage/locations.js';
import { readNote, readSmallFile } from '../../storage/read-files.js';
import { saveText } from '../../storage/write-files.js';
import { readReport, summaryName } from '../results/results-folder.js';

/** A load has a few events. */
const MAX_EVENTS = 1_000;
const MAX_NOTE_BYTES = 200_000;
/** Samples of rejected rows and bars of jobs make a few hundred KB. */
const MAX_PAGE_BYTES = 20_000_000;
/** Another step may write a note meanwhile. */
const ROUNDS = 5;

/** The last step of this process in each folder: two that replaced a file at once would disturb each other. */
const running = new Map<string, Promise<void>>();

/**
 * Does nothing without a note, and while the report in the folder is not that of this run.
 * @param work the run's own folder
 */
export async function showMessages(folder: string, work: string): Promise<void> {
  const before = running.get(folder) ?? Promise.resolve();
  const own = before.catch(() => undefined).then(() => show(folder, work));
  running.set(folder, own);
  try {
    await own;
  } finally {
    if (running.get(folder) === own) running.delete(folder);
  }
}

async function show(folder: string, work: string): Promise<void> {
  let notes = await notesIn(join(work, MESSAGES_FOLDER));
  for (let round = 0; round < ROUNDS && notes.length > 0; round++) {
    const report = await readReport(join(folder, RESULT_NAMES.report));
    // Its counts are in the folder of the run that wrote it.
    if (typeof report !== 'object' || !(await isThere(join(work, summaryName(report.runId))))) return;
    const file = { version: 1, runId: report.runId, messages: notes };
    await saveText(`${JSON.stringify(file, null, 2)}\n`, join(folder, RESULT_NAMES.messages), { shared: true });
    await showOnPage(join(folder, RESULT_NAMES.reportHtml), notes);
    const seen = notes;
    notes = await notesIn(join(work, MESSAGES_FOLDER));
    if (isDeepStrictEqual(seen, notes)) return;
  }
}

/** A page that was removed, replaced by a link or written by an earlier version stays as it is. */
async function showOnPage(path: string, notes: readonly DeliveryNote[]): Promise<void> {
  if (!(await isThere(path))) return;
  const before = (await readSmallFile(path, MAX_PAGE_BYTES))?.toString();
  const page = before === undefined ? undefined : withMessages(before, notes);
  if (page !== undefined && page !== before) await saveText(page, path, { shared: true });
}

/** The newest, in the order in which they were first sent. */
async function notesIn(folder: string): Promise<DeliveryNote[]> {
  const notes: DeliveryNote[] = [];
  for (const { name, isFile } of await listFolder(folder, MAX_EVENTS, { isPrivate: true })) {
    if (!isFile || !name.endsWith('.json')) continue;
    const bytes = await readNote(join(folder, name), MAX_NOTE_BYTES);
    notes.push(...(deliveryNotes.safeParse(parsed(bytes)).data ?? []));
  }
  return notes.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)).slice(-MAX_DELIVERY_NOTES);
}

function keyOf({ since, event, target }: DeliveryNote): string {
  return [since, event, target].join(' ');
}

function parsed(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString() ?? '');
  } catch {
    return undefined;
  }
}

/**
 * The index of past loads: in an output, `index/2026-11/20261130T022805123Z-<load id>.json` for each ended load. Names
 * are in the order of ends, so that the newest are found without reading the others. Any program may have written a
 * file there: each is limited and checked when it is read.
 */
import type { HistoryEntry } from '../contract/load-history.js';
import { HISTORY_ENTRY } from '../domain/figures-schema.js';
import { INDEX_FOLDER } from '../domain/result-layout.js';
import { listFolder, makeFolder } from './files/file-tree.js';
import { join } from './locations.js';
import { readSmallFile } from './read-files.js';
import { saveText } from './write-files.js';

const MONTH = /^\d{4}-\d\d$/;
const ENTRY = /^\d{8}T\d{9}Z-[A-Za-z0-9._-]{1,200}\.json$/;
const MAX_ENTRY_BYTES = 16_000;
/** Names in a month: far more loads than an org can run. */
const MAX_NAMES = 200_000;
const MAX_MONTHS = 5_000;
/** Objects of a store that are read at the same time. */
const AT_A_TIME = 16;

/** The same load writes the same name again, whatever happened to an earlier attempt. */
export async function saveEntry(output: string, entry: HistoryEntry): Promise<void> {
  const text = JSON.stringify(HISTORY_ENTRY.parse(entry));
  const { endedAt, loadId } = entry;
  const month = join(output, INDEX_FOLDER, endedAt.slice(0, 7));
  await makeFolder(month);
  await saveText(`${text}\n`, join(month, `${endedAt.replaceAll(/[-:.]/g, '')}-${loadId}.json`));
}

export interface FoundEntries {
  /** Newest first. */
  entries: HistoryEntry[];
  /** Files that are not entries, or not readable. */
  unreadable: number;
  /** There may be older ones that were not looked at. */
  cut: boolean;
}

interface Wanted {
  matches: (entry: HistoryEntry) => boolean;
  /** Entries to find. */
  most: number;
  /** Files to read for that. */
  mostRead: number;
}

/** @param output a location */
export async function newestEntries(output: string, { matches, most, mostRead }: Wanted): Promise<FoundEntries> {
  const found: FoundEntries = { entries: [], unreadable: 0, cut: false };
  const seen = new Set<string>();
  let read = 0;
  for (const folder of await monthsOf(output)) {
    const names = await namesIn(folder);
    for (let at = 0; at < names.length; at += AT_A_TIME) {
      if (found.entries.length >= most || read >= mostRead) return { ...found, cut: true };
      const some = names.slice(at, at + AT_A_TIME);
      read += some.length;
      const entries = await Promise.all(some.map((name) => readEntry(join(folder, name))));
      for (const entry of entries) {
        if (entry === undefined) found.unreadable++;
        else if (matches(entry) && isFirst(seen, entry) && found.entries.length < most) found.entries.push(entry);
      }
    }
  }
  return found;
}

/** A load that was reset ended several times: its last end counts. */
function isFirst(seen: Set<string>, { workflowId, loadId, run }: HistoryEntry): boolean {
  const load = JSON.stringify([workflowId, loadId, run]);
  const isNew = !seen.has(load);
  seen.add(load);
  return isNew;
}

async function monthsOf(output: string): Promise<string[]> {
  const index = join(output, INDEX_FOLDER);
  const folders = await listFolder(index, MAX_MONTHS);
  const months = folders.filter(({ name, isFolder }) => isFolder && MONTH.test(name)).map(({ name }) => name);
  return months
    .sort()
    .reverse()
    .map((month) => join(index, month));
}

async function namesIn(folder: string): Promise<string[]> {
  const files = await listFolder(folder, MAX_NAMES);
  return files
    .filter(({ name, isFile }) => isFile && ENTRY.test(name))
    .map(({ name }) => name)
    .sort()
    .reverse();
}

async function readEntry(path: string): Promise<HistoryEntry | undefined> {
  try {
    const bytes = await readSmallFile(path, MAX_ENTRY_BYTES);
    return HISTORY_ENTRY.safeParse(JSON.parse((bytes ?? '').toString())).data;
  } catch (error) {
    // Removed meanwhile, or not JSON; a store that does not answer is another matter.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

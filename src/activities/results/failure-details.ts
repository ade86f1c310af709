/**
 * External error texts about a load, from Salesforce, a login server or a header. They may contain row data, so they
 * are kept in files next to the load's working files, never in a history. The report includes them at the end.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PlatformDetail } from '../../contract/load-result.js';
import { join } from '../../storage/locations.js';
import { readNote } from '../../storage/read-files.js';
import { isThere, listFolder, makeFolder } from '../../storage/files/file-tree.js';
import { saveText } from '../../storage/write-files.js';
import type { FileRoots } from '../../storage/files/file-roots.js';

const FOLDER = 'details';
/** Most loads have none; beyond a hundred, more do not help. */
const MAX_DETAILS = 100;
const MAX_TEXT = 1_000;
const MAX_BYTES = 16_000;

const DETAIL = z.object({
  code: z.string().max(100),
  text: z.string().max(MAX_TEXT),
  at: z.string().max(40),
  request: z.string().max(400).optional(),
  job: z.string().max(40).optional(),
});

/** Extracts the URI of a load's working folder from any URI inside it. */
const WORK = /^(?:file|s3):\/\/.*?\/run-[A-Za-z0-9-]{1,8}\//;

function workUriOf(input: unknown): string | undefined {
  const { workUri, stageUri, stage, nextStageUri } = (input ?? {}) as Record<string, unknown>;
  const { uri } = (stage ?? {}) as Record<string, unknown>;
  for (const one of [workUri, stageUri, uri, nextStageUri]) {
    const found = typeof one === 'string' ? WORK.exec(one)?.[0] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Records an external error text if this worker sees the load's folder. Never fails: the details only help people, and
 * the step has its own result.
 * @param input of the activity, which names a folder of the load
 */
export async function noteDetail(roots: FileRoots, input: unknown, detail: Omit<PlatformDetail, 'at'>): Promise<void> {
  try {
    const folder = await folderOf(roots, input);
    if (folder === undefined) return;
    await makeFolder(folder);
    const name = nameOf(detail);
    const known = await listFolder(folder, MAX_DETAILS + 1, { isPrivate: true });
    if (known.length >= MAX_DETAILS && known.every((one) => one.name !== name)) return;
    const text = detail.text.slice(0, MAX_TEXT);
    await saveText(JSON.stringify({ ...detail, text, at: new Date().toISOString() }), join(folder, name));
  } catch {
    // The disk is full or the folder is not writable: the step itself reports it when it matters.
  }
}

/** Whether a detail with the same name is already recorded. */
export async function isNoted(
  roots: FileRoots,
  input: unknown,
  detail: Omit<PlatformDetail, 'at' | 'text'>,
): Promise<boolean> {
  const folder = await folderOf(roots, input).catch(() => undefined);
  return folder !== undefined && (await isThere(join(folder, nameOf(detail))).catch(() => false));
}

/** Undefined if this worker does not see the load's files: another host may have a folder at the same path. */
async function folderOf(roots: FileRoots, input: unknown): Promise<string | undefined> {
  const workUri = workUriOf(input);
  const work = workUri === undefined ? undefined : roots.ownPathOf(workUri);
  return work !== undefined && (await isThere(work)) ? join(work, FOLDER) : undefined;
}

/** A repeated error replaces its earlier detail. */
function nameOf({ code, job = '', request = '' }: Omit<PlatformDetail, 'at' | 'text'>): string {
  return `${createHash('sha256').update(`${code} ${job} ${request}`).digest('hex').slice(0, 16)}.json`;
}

/** Oldest first. */
export async function readDetails(work: string): Promise<PlatformDetail[]> {
  const folder = join(work, FOLDER);
  const names = await listFolder(folder, MAX_DETAILS + 1, { isPrivate: true }).catch(() => []);
  const found: PlatformDetail[] = [];
  for (const { name } of names.filter((one) => one.name.endsWith('.json')).slice(0, MAX_DETAILS)) {
    try {
      const bytes = await readNote(join(folder, name), MAX_BYTES);
      const detail = bytes && DETAIL.safeParse(JSON.parse(bytes.toString())).data;
      if (detail !== undefined) found.push(detail as PlatformDetail);
    } catch {
      // An unreadable file is skipped.
    }
  }
  return found.sort((one, other) => one.at.localeCompare(other.at));
}

/** The detail for the error that ended a load: of its job if it names one, otherwise the last one with its code. */
export function detailOfError(
  { code, message }: { code: string; message: string },
  details: readonly PlatformDetail[],
): string | undefined {
  const same = details.filter((detail) => detail.code === code);
  return (same.find(({ job }) => job !== undefined && message.includes(job)) ?? same.at(-1))?.text;
}

/** Keyed by the failure that the activity threw; only failures of this process are looked up. */
const DETAILS = new WeakMap<Error, Omit<PlatformDetail, 'at'>>();

export function withDetail<E extends Error>(failure: E, detail: Omit<PlatformDetail, 'at'> | undefined): E {
  if (detail !== undefined) DETAILS.set(failure, detail);
  return failure;
}

type Activity = (input: never) => Promise<unknown>;

/** Wraps activities so that their failures record external error texts next to the load's files. */
export function notingDetails<T extends Record<string, Activity>>(roots: FileRoots, activities: T): T {
  const noting = (activity: Activity) => async (input: never) => {
    try {
      return await activity(input);
    } catch (error) {
      const detail = error instanceof Error ? DETAILS.get(error) : undefined;
      if (detail !== undefined) await noteDetail(roots, input, detail);
      throw error;
    }
  };
  return Object.fromEntries(Object.entries(activities).map(([name, one]) => [name, noting(one)])) as unknown as T;
}

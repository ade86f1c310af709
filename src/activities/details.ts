/**
 * Words of others about a load: what Salesforce, a login server or a header said. They may hold rows, so they lie in
 * files beside the load's working files, never in a history; the report takes them up at the end.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { PlatformDetail } from '../contract.js';
import { isThere, listFolder, makeFolder, readNote, saveText } from '../storage/files.js';
import type { FileRoots } from '../storage/roots.js';

const FOLDER = 'details';
/** Most loads have none; one that fails in a hundred ways is not understood by more of them. */
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

/** `file:` URI of the folder with a load's working files, from that of anything in it. */
const WORK = /^file:\/\/.*?\/run-[A-Za-z0-9-]{1,8}\//;

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
 * Notes what others said, when this worker sees the folder of the load. It never fails: what is lost is a help for
 * people, and the step has its own end.
 * @param input of the activity, which names a folder of the load
 */
export async function noteDetail(roots: FileRoots, input: unknown, detail: Omit<PlatformDetail, 'at'>): Promise<void> {
  try {
    const folder = await folderOf(roots, input);
    if (folder === undefined) return;
    await makeFolder(folder);
    const name = nameOf(detail);
    const known = await listFolder(folder, MAX_DETAILS + 1, { own: true });
    if (known.length >= MAX_DETAILS && known.every((one) => one.name !== name)) return;
    const text = detail.text.slice(0, MAX_TEXT);
    await saveText(JSON.stringify({ ...detail, text, at: new Date().toISOString() }), join(folder, name));
  } catch {
    // The disk is full, or the folder is not ours to write: the step says so itself where it matters.
  }
}

/** Whether something was noted of the same. */
export async function isNoted(
  roots: FileRoots,
  input: unknown,
  detail: Omit<PlatformDetail, 'at' | 'text'>,
): Promise<boolean> {
  const folder = await folderOf(roots, input).catch(() => undefined);
  return folder !== undefined && (await isThere(join(folder, nameOf(detail))).catch(() => false));
}

/** Undefined where this worker does not see the load's files: another host's folder may have the same path. */
async function folderOf(roots: FileRoots, input: unknown): Promise<string | undefined> {
  const workUri = workUriOf(input);
  const work = workUri === undefined ? undefined : roots.ownPathOf(workUri);
  return work !== undefined && (await isThere(work)) ? join(work, FOLDER) : undefined;
}

/** The same trouble again replaces what it said before. */
function nameOf({ code, job = '', request = '' }: Omit<PlatformDetail, 'at' | 'text'>): string {
  return `${createHash('sha256').update(`${code} ${job} ${request}`).digest('hex').slice(0, 16)}.json`;
}

/** Oldest first. */
export async function readDetails(work: string): Promise<PlatformDetail[]> {
  const folder = join(work, FOLDER);
  const names = await listFolder(folder, MAX_DETAILS + 1, { own: true }).catch(() => []);
  const found: PlatformDetail[] = [];
  for (const { name } of names.filter((one) => one.name.endsWith('.json')).slice(0, MAX_DETAILS)) {
    try {
      const bytes = await readNote(join(folder, name), MAX_BYTES);
      const detail = bytes && DETAIL.safeParse(JSON.parse(bytes.toString())).data;
      if (detail !== undefined) found.push(detail as PlatformDetail);
    } catch {
      // One that cannot be read helps nobody.
    }
  }
  return found.sort((one, other) => one.at.localeCompare(other.at));
}

/** What others said of the error with which a load ended: of its job where it names one, else the last of its code. */
export function detailOfError(
  { code, message }: { code: string; message: string },
  details: readonly PlatformDetail[],
): string | undefined {
  const same = details.filter((detail) => detail.code === code);
  return (same.find(({ job }) => job !== undefined && message.includes(job)) ?? same.at(-1))?.text;
}

/** By the failure that left the activity: only what is thrown within this process is looked up. */
const DETAILS = new WeakMap<Error, Omit<PlatformDetail, 'at'>>();

export function withDetail<E extends Error>(failure: E, detail: Omit<PlatformDetail, 'at'> | undefined): E {
  if (detail !== undefined) DETAILS.set(failure, detail);
  return failure;
}

type Activity = (input: never) => Promise<unknown>;

/** Activities whose failures leave what others said of them beside the load's files. */
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

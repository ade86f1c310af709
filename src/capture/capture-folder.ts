/**
 * The folder that a capture writes: `org.json`, `objects/<ApiName>.json`, and while it is not complete, a hidden file
 * with what is. Each file appears whole or not at all.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { fileErrorCode } from '../runtime/private-file.js';
import { speedsOf } from './past-jobs.js';
import type { PastJob } from './past-jobs.js';

const PROGRESS_FILE = '.capture.json';
/** What a reader of the folder accepts. */
const MAX_OBJECT_BYTES = 50_000_000;
const MAX_ORG_BYTES = 10_000_000;

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,79}$/);
const NOTES = z.array(z.string().max(2_000)).max(20_000);

const DONE = z.object({ at: z.string().max(40), notes: NOTES, parents: z.array(name).max(100_000) });
/** An object of which everything has been read. */
export type DoneObject = z.infer<typeof DONE>;

const PROGRESS = z.object({
  startedAt: z.string().max(40),
  organizationId: z.string().max(255),
  /** Objects with all their parts. */
  objects: z.record(name, DONE),
  /** Objects with their describe only. */
  parents: z.record(name, DONE),
});
export type Progress = z.infer<typeof PROGRESS>;

/** What a person may have added to the folder. */
const KEPT_OF_ORG = ['$schema', 'name', 'users', 'time', 'locks', 'seed'] as const;
const KEPT_OF_OBJECT = ['$schema', 'rowRules'] as const;
const WRITTEN_OF_ORG: readonly string[] = [
  ...['formatVersion', 'captured', 'organization', 'apiVersions', 'limits'],
  ...KEPT_OF_ORG,
];
const WRITTEN_OF_OBJECT: readonly string[] = [
  ...['describe', 'recordTypes', 'validationRules', 'duplicateRules', 'assignmentRules', 'speed', 'history'],
  ...KEPT_OF_OBJECT,
];

/** Of the simulated user: who captured is nobody's business. */
export const SIMULATED_USER = 'captured@nightload.example';

type Json = Record<string, unknown>;

export class CaptureFolder {
  readonly path: string;
  /** As it was before. */
  readonly #org: Json | undefined;
  progress: Progress | undefined;

  private constructor(path: string, org: Json | undefined, progress: Progress | undefined) {
    this.path = path;
    this.#org = org;
    this.progress = progress;
  }

  /** @throws NightloadError `CAPTURE_FOLDER_UNUSABLE` */
  static async open(path: string): Promise<CaptureFolder> {
    const org = await readJson(join(path, 'org.json'), MAX_ORG_BYTES);
    if (org === undefined) await refuseOtherFiles(path);
    else refuseOtherOrgFile(path, org);
    const progress = await readJson(join(path, PROGRESS_FILE), MAX_OBJECT_BYTES);
    return new CaptureFolder(path, asJson(org), PROGRESS.safeParse(progress).data);
  }

  /** The address of the org that was captured here before. */
  get capturedFrom(): string | undefined {
    const url = asJson(this.#org?.['captured'])?.['instanceUrl'];
    return typeof url === 'string' ? url : undefined;
  }

  /** What people set in `org.json`. */
  get kept(): Json {
    const { users, ...kept } = pick(this.#org, KEPT_OF_ORG);
    const isCaptured = Array.isArray(users) && users.every((user) => asJson(user)?.['username'] === SIMULATED_USER);
    return users === undefined || isCaptured ? kept : { ...kept, users };
  }

  async start(progress: Progress): Promise<void> {
    await within(this.path, () => mkdir(join(this.path, 'objects'), { recursive: true, mode: 0o700 }));
    this.progress = progress;
    await this.#writeProgress();
  }

  /** Written before the object counts as done. */
  async saveObject(kind: 'objects' | 'parents', object: string, content: Json, done: DoneObject): Promise<void> {
    const before = asJson(await this.readObject(object)) ?? {};
    // A describe that another tool saved is replaced as a whole.
    if (!('fields' in before || 'result' in before)) {
      refuseUnknownKeys(join(this.path, 'objects', `${object}.json`), before, WRITTEN_OF_OBJECT);
    }
    await this.#write(
      join('objects', `${object}.json`),
      { ...content, ...pick(before, KEPT_OF_OBJECT), ...ownSpeed(before) },
      MAX_OBJECT_BYTES,
    );
    const progress = this.progress as Progress;
    progress[kind][object] = done;
    await this.#writeProgress();
  }

  async readObject(object: string): Promise<unknown> {
    return readJson(join(this.path, 'objects', `${object}.json`), MAX_OBJECT_BYTES);
  }

  async hasObject(object: string): Promise<boolean> {
    return stat(join(this.path, 'objects', `${object}.json`)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /** The capture is complete. */
  async finish(org: Json): Promise<void> {
    await this.#write('org.json', { ...org, ...this.kept }, MAX_ORG_BYTES);
    await within(this.path, () => rm(join(this.path, PROGRESS_FILE), { force: true }));
  }

  async #writeProgress(): Promise<void> {
    await this.#write(PROGRESS_FILE, this.progress, MAX_OBJECT_BYTES);
  }

  async #write(file: string, content: unknown, maxBytes: number): Promise<void> {
    const text = `${JSON.stringify(content, undefined, 2)}\n`;
    if (Buffer.byteLength(text) > maxBytes) {
      throw new NightloadError(
        'CAPTURE_TOO_LARGE',
        `${file} would have more than ${maxBytes / 1e6} MB, which nightload does not read. Capture fewer objects.`,
      );
    }
    const path = join(this.path, file);
    const parts = join(path, '..', `.${randomUUID().slice(0, 8)}.part`);
    await within(path, async () => {
      try {
        const handle = await open(parts, 'wx', 0o600);
        try {
          await handle.writeFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(parts, path);
      } finally {
        await rm(parts, { force: true });
      }
    });
  }
}

/** A folder with anything else belongs to somebody. @throws NightloadError `CAPTURE_FOLDER_UNUSABLE` */
async function refuseOtherFiles(path: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw unusable(path, `cannot be read (${error.code})`);
  });
  const other = names.find((name) => name !== PROGRESS_FILE && name !== 'objects');
  if (other !== undefined) throw unusable(path, 'has other files, and no org.json of a capture');
}

/** Another program's file, or a misspelled key: a capture would replace it. @throws NightloadError `CAPTURE_FOLDER_UNUSABLE` */
function refuseOtherOrgFile(path: string, given: unknown): void {
  const file = join(path, 'org.json');
  const org = asJson(given);
  if (org?.['formatVersion'] === undefined) throw unusable(file, 'is not the file of a captured org');
  refuseUnknownKeys(file, org, WRITTEN_OF_ORG);
}

/** A misspelled key would be lost. @throws NightloadError `CAPTURE_FOLDER_UNUSABLE` */
function refuseUnknownKeys(path: string, file: Json, known: readonly string[]): void {
  const unknown = Object.keys(file).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw unusable(path, `has the key ${JSON.stringify(unknown.slice(0, 80))}, which would be lost`);
}

/** A speed that a person chose: it is not what the past jobs beside it give. */
function ownSpeed({ speed, history }: Json): Json {
  const isCaptured = Array.isArray(history) && isDeepStrictEqual(speed, speedsOf(history as PastJob[]));
  return speed === undefined || isCaptured ? {} : { speed };
}

function pick(from: Json | undefined, keys: readonly string[]): Json {
  return Object.fromEntries(keys.flatMap((key) => (from?.[key] === undefined ? [] : [[key, from[key]]])));
}

function asJson(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** @returns undefined if there is no such file */
async function readJson(path: string, maxBytes: number): Promise<unknown> {
  const bytes = await within(path, async () => {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    if (!found.isFile() || found.size > maxBytes) {
      throw unusable(path, found.isFile() ? `has more than ${maxBytes / 1e6} MB` : 'is not a file');
    }
    return readFile(path, 'utf8');
  });
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes) as unknown;
  } catch {
    throw unusable(path, 'is not JSON');
  }
}

async function within<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw unusable(path, `cannot be read or written (${fileErrorCode(error)})`);
  }
}

function unusable(path: string, why: string): NightloadError {
  return new NightloadError(
    'CAPTURE_FOLDER_UNUSABLE',
    `${path} ${why}. Fix it or remove it, or capture into another folder with --out.`,
  );
}

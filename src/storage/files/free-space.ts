/**
 * Limits copies whose size depends on people's files: they stop before the disk is full, because other loads write
 * there too.
 */
import { statfs } from 'node:fs/promises';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { isObject } from '../locations.js';

/** Bytes between two checks of the disk; shorter files are never refused. */
const CHECK_EVERY_BYTES = 32 * 1024 * 1024;
/** Space to keep free: this many bytes, and on a small disk this share of it. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const RESERVE_SHARE = 0.05;

/** As returned by `statfs`. */
export interface DiskSpace {
  bsize: number;
  blocks: number;
  bavail: number;
}

/**
 * Whether there is room for everything written until the next check. True if the file system does not report its size.
 */
export function hasRoom({ bsize, blocks, bavail }: DiskSpace): boolean {
  const reserve = Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_SHARE);
  return blocks === 0 || bavail * bsize - CHECK_EVERY_BYTES >= reserve;
}

/**
 * Passes on bytes that are written to a folder.
 * @throws NightloadError `DISK_FULL`
 */
export async function* withinFreeSpace<T extends Uint8Array>(
  chunks: AsyncIterable<T>,
  folder: string,
): AsyncGenerator<T> {
  if (isObject(folder)) {
    yield* chunks;
    return;
  }
  const space = new FreeSpace(folder);
  for await (const chunk of chunks) {
    const check = space.check(chunk.length);
    if (check !== undefined) await check;
    yield chunk;
  }
}

/** The disk of a folder, for a writer that asks before it writes. */
export class FreeSpace {
  readonly #folder: string;
  #unseen = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Undefined if nothing needs to be checked yet.
   * @throws NightloadError `DISK_FULL`
   */
  check(bytes: number): Promise<void> | undefined {
    this.#unseen += bytes;
    if (this.#unseen < CHECK_EVERY_BYTES) return undefined;
    this.#unseen = 0;
    return this.#askForRoom();
  }

  async #askForRoom(): Promise<void> {
    if (!hasRoom(await statfs(this.#folder))) throw diskFull(this.#folder);
  }
}

function diskFull(folder: string): NightloadError {
  return new NightloadError(
    'DISK_FULL',
    `The disk of ${shownPath(folder)} is almost full, so writing stopped. Free some space, or give the worker a larger disk; ` +
      'the load resumes by itself.',
    { retryable: true },
  );
}

/** Copies that other people's files make long: they end before the disk is full, because other loads write there too. */
import { statfs } from 'node:fs/promises';
import { NightloadError } from '../errors.js';

/** Bytes between two looks at the disk; shorter files are never refused. */
const LOOK_EVERY = 32 * 1024 * 1024;
/** Left free: so many bytes, and on a small disk this share of it. */
const RESERVE = 256 * 1024 * 1024;
const RESERVE_SHARE = 0.05;

/** As `statfs` gives it. */
export interface DiskSpace {
  bsize: number;
  blocks: number;
  bavail: number;
}

/** Whether there is room for what is written until the next look. A file system that does not say how large it is has. */
export function hasRoom({ bsize, blocks, bavail }: DiskSpace): boolean {
  const reserve = Math.min(RESERVE, blocks * bsize * RESERVE_SHARE);
  return blocks === 0 || bavail * bsize - LOOK_EVERY >= reserve;
}

/**
 * Passes bytes on that are written into a folder.
 * @throws NightloadError `DISK_FULL`
 */
export async function* withinFreeSpace<T extends Uint8Array>(
  chunks: AsyncIterable<T>,
  folder: string,
): AsyncGenerator<T> {
  let unseen = 0;
  for await (const chunk of chunks) {
    unseen += chunk.length;
    if (unseen >= LOOK_EVERY) {
      unseen = 0;
      if (!hasRoom(await statfs(folder))) throw diskFull(folder);
    }
    yield chunk;
  }
}

function diskFull(folder: string): NightloadError {
  return new NightloadError(
    'DISK_FULL',
    `The disk of ${folder} is almost full, so nothing more is written there. Free some space, or give the worker a larger disk; ` +
      'the load resumes by itself.',
    { retryable: true },
  );
}

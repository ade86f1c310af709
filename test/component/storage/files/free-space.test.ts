import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { saveStream } from '../../../../src/storage/write-files.js';
import { hasRoom, withinFreeSpace } from '../../../../src/storage/files/free-space.js';
import { DEFAULT_MAX_UNPACKED, maxUnpackedFrom } from '../../../../src/storage/unpacked-limit.js';

const MB = 1024 * 1024;
const run = promisify(execFile);

async function* endless(): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(MB);
  for (;;) {
    await Promise.resolve();
    yield piece;
  }
}

describe('room on a disk', () => {
  test.each([
    ['a large disk', { bsize: 4096, blocks: 1e9, bavail: 1e8 }, true],
    ['a large disk that is almost full', { bsize: 4096, blocks: 1e9, bavail: (256 * MB) / 4096 }, false],
    ['a small disk', { bsize: 4096, blocks: (200 * MB) / 4096, bavail: (50 * MB) / 4096 }, true],
    ['a small disk that is almost full', { bsize: 4096, blocks: (200 * MB) / 4096, bavail: (40 * MB) / 4096 }, false],
    ['a file system that does not say', { bsize: 0, blocks: 0, bavail: 0 }, true],
  ])('%s', (_name, space, room) => {
    expect(hasRoom(space)).toBe(room);
  });

  // A separate disk requires a user who may mount one.
  test('an endless file stops before the disk is full, and leaves nothing behind', async ({ skip }) => {
    const folder = await mkdtemp(join(tmpdir(), 'nightload-disk-'));
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=100m,mode=700', 'tmpfs', folder]).catch(
      () => undefined,
    );
    if (mounted === undefined) {
      await rm(folder, { recursive: true });
      skip();
    }
    try {
      await expect(saveStream(withinFreeSpace(endless(), folder), join(folder, 'copy.csv'))).rejects.toMatchObject({
        code: 'DISK_FULL',
        retryable: true,
      });
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await run('umount', [folder]);
      await rm(folder, { recursive: true });
    }
  });
});

describe('NIGHTLOAD_MAX_UNPACKED', () => {
  test.each([
    [undefined, DEFAULT_MAX_UNPACKED],
    ['', DEFAULT_MAX_UNPACKED],
    ['500MB', 500e6],
    [' 1.5 gb ', 1.5e9],
    ['2TB', 2e12],
    ['1000', 1000],
  ])('%s', (text, bytes) => {
    expect(maxUnpackedFrom(text === undefined ? {} : { NIGHTLOAD_MAX_UNPACKED: text })).toBe(bytes);
  });

  test.each(['much', '-1', '0', '5 GiB', '1e9'])('%s is not a valid size', (text) => {
    expect(() => maxUnpackedFrom({ NIGHTLOAD_MAX_UNPACKED: text })).toThrow(
      expect.objectContaining({ code: 'INVALID_MAX_UNPACKED' }),
    );
  });
});

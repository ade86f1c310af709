import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeUnfinishedFiles } from '../../../src/storage/files/file-tree.js';
import { saveStream } from '../../../src/storage/write-files.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-write-'));
});
afterEach(() => rm(folder, { recursive: true }));

const PIECE = 300_001;
const PIECES = 120;

/** 36 MB, so that the disk is asked to store the file several times before it is complete. */
function* pieces(): Generator<Buffer> {
  for (let n = 0; n < PIECES; n++) yield Buffer.alloc(PIECE, `${n},`);
}

describe('a large file', () => {
  it('is complete, whatever was flushed before its end', async () => {
    const expected = createHash('sha256');
    for (const piece of pieces()) expected.update(piece);
    await saveStream(asyncOf(pieces()), join(folder, 'large.csv'));
    const saved = await readFile(join(folder, 'large.csv'));
    expect(saved.length).toBe(PIECE * PIECES);
    expect(createHash('sha256').update(saved).digest('hex')).toBe(expected.digest('hex'));
    expect(await readdir(folder)).toEqual(['large.csv']);
  });

  it('disappears when its source fails late', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield* asyncOf(pieces());
      throw new Error('the source failed');
    }
    await expect(saveStream(failing(), join(folder, 'large.csv'))).rejects.toThrow('the source failed');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a file that is not wanted after all', () => {
  it.each([
    ['because it has no rows', (): boolean => false, undefined],
    [
      'because it was cut off',
      (): boolean => {
        throw new Error('it was cut off');
      },
      'cut off',
    ],
  ] as const)('%s leaves nothing behind, and the one before it as it is', async (_why, isWanted, error) => {
    const path = join(folder, 'failed.csv');
    await writeFile(path, 'of an earlier attempt');
    const saved = saveStream(asyncOf([Buffer.from('only a header\n')]), path, undefined, { isWanted });
    if (error === undefined) await saved;
    else await expect(saved).rejects.toThrow(error);
    expect(await readFile(path, 'utf8')).toBe('of an earlier attempt');
    expect(await readdir(folder)).toEqual(['failed.csv']);
  });
});

it('files of a killed worker are removed, and no others', async () => {
  const killed = `.${randomUUID()}.tmp`;
  for (const name of [killed, 'succeeded.csv', '.hidden.tmp', `.${randomUUID()}.csv`]) {
    await writeFile(join(folder, name), 'a');
  }
  await mkdir(join(folder, `.${randomUUID()}.tmp`));
  await removeUnfinishedFiles(folder);
  const left = await readdir(folder);
  expect(left).toHaveLength(4);
  expect(left).not.toContain(killed);
  await removeUnfinishedFiles(join(folder, 'not-there'));
});

async function* asyncOf(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

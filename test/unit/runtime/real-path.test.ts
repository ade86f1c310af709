/**
 * Anyone with write permission on a folder can create links to files that they cannot read: the worker does not follow
 * them.
 */
import {
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  chownSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realOrPlanned } from '../../../src/runtime/real-path.js';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-real-path-')));
  for (const name of ['drop', 'other', 'other/deep']) mkdirSync(at(name));
  writeFileSync(at('other/deep/hr.csv'), 'x');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('links of the worker itself', () => {
  it('are followed, wherever they are in the path, and whether or not its end exists', async () => {
    symlinkSync('../other/./deep', at('drop/relative'));
    symlinkSync(at('drop/relative/'), at('drop/absolute'));
    expect(await realOrPlanned(at('drop/absolute/hr.csv'))).toBe(at('other/deep/hr.csv'));
    expect(await realOrPlanned(at('drop/relative/../new/file.csv'))).toBe(at('drop/new/file.csv'));
    expect(await realOrPlanned(at('drop/absolute/new/file.csv'))).toBe(at('other/deep/new/file.csv'));
    symlinkSync('nowhere', at('drop/dangling'));
    expect(await realOrPlanned(at('drop/dangling'))).toBe(at('drop/nowhere'));
  });

  it('that form a loop, or lead through a file, are reported', async () => {
    symlinkSync('b', at('drop/a'));
    symlinkSync('a', at('drop/b'));
    const circle = realOrPlanned(at('drop/a'));
    await expect(circle).rejects.toMatchObject({
      code: 'SOURCE_NOT_READABLE',
      message: expect.stringContaining('ELOOP'),
    });
    const through = realOrPlanned(at('other/deep/hr.csv/x'));
    await expect(through).rejects.toMatchObject({ message: expect.stringContaining('ENOTDIR') });
  });
});

/** Only root can make links of other users. */
describe.runIf(process.geteuid?.() === 0)('links of other users', () => {
  const [stranger, party] = [65_533, 1_234];
  const linked = (target: string, name: string): void => {
    symlinkSync(target, at(name));
    lchownSync(at(name), stranger, stranger);
  };

  it.each([
    ['a file', '../other/deep/hr.csv', 'drop/night.csv', 'drop/night.csv'],
    ['a folder', '../other', 'drop/in', 'drop/in/deep/hr.csv'],
    ['a folder, for a file that does not exist yet', '../other', 'drop/in', 'drop/in/deep/new.csv'],
    ['a file that does not exist yet', '../other/deep/new.csv', 'drop/new.csv', 'drop/new.csv'],
  ])('to %s of a third user are not followed', async (_what, target, link, path) => {
    for (const name of ['other', 'other/deep', 'other/deep/hr.csv']) chownSync(at(name), party, party);
    linked(target, link);
    const reached = realOrPlanned(at(path));
    await expect(reached).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS', retryable: false });
    await expect(reached).rejects.toThrow(
      `through a link owned by user ${stranger} to a target owned by user ${party}`,
    );
  });

  it("to the worker's own files are not followed, nor through a link of the worker", async () => {
    linked('../other/deep/hr.csv', 'drop/night.csv');
    symlinkSync('night.csv', at('drop/again.csv'));
    await expect(realOrPlanned(at('drop/night.csv'))).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
    await expect(realOrPlanned(at('drop/again.csv'))).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
  });

  it('to their own files are followed', async () => {
    chownSync(at('other/deep/hr.csv'), stranger, stranger);
    linked('../other/deep/hr.csv', 'drop/night.csv');
    expect(await realOrPlanned(at('drop/night.csv'))).toBe(at('other/deep/hr.csv'));
  });
});

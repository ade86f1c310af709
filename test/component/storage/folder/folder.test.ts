/**
 * Another user with write permission on a folder in the worker's roots swaps files there: nothing outside is read or
 * written.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHead, readNote, readRange, readSmallFile } from '../../../../src/storage/read-files.js';
import { makeFolder, removeFile, removeFolder } from '../../../../src/storage/files/file-tree.js';
import { fingerprint } from '../../../../src/storage/fingerprint.js';
import { saveNew, saveStream, saveText } from '../../../../src/storage/write-files.js';
import { ForeignFile, holding } from '../../../../src/storage/files/file-ref.js';
import { Folder, inFolderOf } from '../../../../src/storage/folder/folder.js';
import { fileModes } from '../../../../src/storage/files/file-modes.js';
import { FileRoots } from '../../../../src/storage/files/file-roots.js';
import { RowFile } from '../../../../src/storage/row-file.js';

const SECRET = 'PRIVATE KEY';

let top: string;
let root: string;
let drop: string;
let outside: string;
beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), 'nightload-folder-')));
  root = join(top, 'root');
  drop = join(root, 'drop');
  outside = join(top, 'outside');
  for (const folder of [root, drop, outside, join(outside, 'kept')]) await mkdir(folder);
  await writeFile(join(outside, 'data.csv'), SECRET);
  await writeFile(join(outside, 'kept', 'data.csv'), SECRET);
  await writeFile(join(drop, 'data.csv'), 'A,B\n1,2\n');
});
afterEach(() => rm(top, { recursive: true, force: true }));

/** All files outside, which must not change. */
async function untouched(): Promise<void> {
  expect((await readdir(outside, { recursive: true })).sort()).toEqual(['data.csv', 'kept', 'kept/data.csv']);
  expect(await readFile(join(outside, 'data.csv'), 'utf8')).toBe(SECRET);
  expect(await readFile(join(outside, 'kept', 'data.csv'), 'utf8')).toBe(SECRET);
}

const SWAPPING = `
  const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
  const [place, aside, target] = process.argv.slice(1);
  process.on('disconnect', () => process.exit());
  process.send('begins');
  // The worker may have made a folder there in the meantime.
  const put = (step) => {
    try {
      step();
    } catch {
      renameSync(place, aside + '-made-' + process.hrtime.bigint());
      step();
    }
  };
  const swap = () => {
    for (let time = 0; time < 200; time++) {
      renameSync(place, aside);
      put(() => symlinkSync(target, place));
      for (let wait = 0; wait < 20_000; wait++);
      unlinkSync(place);
      put(() => renameSync(aside, place));
      for (let wait = 0; wait < 20_000; wait++);
    }
    setImmediate(swap);
  };
  swap();
`;

/** Swaps `place` for a link to `target` and back, as fast as possible, while `body` runs. */
async function whileSwapped(place: string, target: string, body: () => Promise<void>): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, ['-e', SWAPPING, place, `${place}-aside`, target], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise((done) => child.once('exit', done));
  await new Promise((begun) => child.once('message', begun));
  try {
    await body();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** Repeats a step for a while; returns how often it succeeded and which errors it had. */
async function often(step: (time: number) => Promise<void>, ms = 1_200): Promise<{ good: number; codes: Set<string> }> {
  const codes = new Set<string>();
  let good = 0;
  const end = Date.now() + ms;
  for (let time = 0; Date.now() < end; time++) {
    try {
      await step(time);
      good++;
    } catch (error) {
      codes.add((error as { code: string }).code);
    }
  }
  return { good, codes };
}

const WENT_WRONG = ['ENOENT', 'ENOTDIR', 'FILE_OUTSIDE_ROOTS', 'SOURCE_NOT_FOUND', 'WORK_FILES_MISSING'];

describe('while a folder is swapped for a link out of the roots', () => {
  it('no byte of another file is read', async () => {
    const path = join(drop, 'data.csv');
    await whileSwapped(drop, outside, async () => {
      // The attack works: by its path, the other file is read.
      let stolen = 0;
      await often(async () => void (stolen += (await readFile(path, 'utf8')) === SECRET ? 1 : 0), 600);
      expect(stolen).toBeGreaterThan(0);

      const file = new ForeignFile(path);
      const { good, codes } = await often(async (time) => {
        if (time % 4 === 0) expect((await readHead(file, 100)).toString()).toBe('A,B\n1,2\n');
        if (time % 4 === 1) expect((await fingerprint(file)).size).toBe(8);
        if (time % 4 === 2) expect((await readSmallFile(path, 100))?.toString() ?? 'A,B\n1,2\n').toBe('A,B\n1,2\n');
        if (time % 4 === 3) {
          const chunks: Buffer[] = [];
          for await (const chunk of readRange(file, 0)) chunks.push(chunk as Buffer);
          expect(Buffer.concat(chunks).toString()).toBe('A,B\n1,2\n');
        }
      });
      expect(good).toBeGreaterThan(0);
      expect([...codes].filter((code) => !WENT_WRONG.includes(code))).toEqual([]);
      expect(codes).toContain('FILE_OUTSIDE_ROOTS');
    });
  });

  it('no file is written, created or removed elsewhere', async () => {
    await whileSwapped(drop, outside, async () => {
      const { good, codes } = await often(async (time) => {
        const file = join(drop, 'data.csv');
        if (time % 6 === 0) await saveText('1', file, { shared: true });
        if (time % 6 === 1) await saveStream(chunks('2'), file, undefined, { shared: true });
        if (time % 6 === 2) await makeFolder(join(drop, 'kept', 'a', `b-${time}`));
        if (time % 6 === 3) await removeFile(file);
        if (time % 6 === 4) await removeFolder(join(drop, 'kept'));
        if (time % 6 === 5) await saveNew('3', join(drop, `new-${time}`), { shared: true });
      }, 2_000);
      expect(good).toBeGreaterThan(0);
      expect([...codes].filter((code) => !WENT_WRONG.includes(code))).toEqual([]);
      await untouched();
    });
    // Files that could not be published left nothing behind.
    const left = await readdir((await readdir(root)).includes('drop-aside') ? `${drop}-aside` : drop);
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('a file that is swapped for a link is never read through it', async () => {
    const path = join(drop, 'data.csv');
    await whileSwapped(path, join(outside, 'data.csv'), async () => {
      const { good, codes } = await often(async () => {
        expect((await readHead(new ForeignFile(path), 100)).toString()).toBe('A,B\n1,2\n');
      }, 600);
      expect(good).toBeGreaterThan(0);
      expect(codes).toContain('FILE_OUTSIDE_ROOTS');
    });
  });
});

async function* chunks(text: string): AsyncGenerator<Buffer> {
  await Promise.resolve();
  yield Buffer.from(text);
}

it('a held file is read to its end, even if it is replaced', async () => {
  const path = join(drop, 'data.csv');
  await holding(new ForeignFile(path), async (held) => {
    await rename(drop, `${drop}-aside`);
    await symlink(outside, drop);
    expect((await readHead(held, 100)).toString()).toBe('A,B\n1,2\n');
    expect((await fingerprint(held)).size).toBe(8);
    await expect(readHead(new ForeignFile(path), 100)).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
  });
});

describe.each([true, false])('each opened file (with /proc: %s)', (proc) => {
  const open = (name: string): Promise<unknown> =>
    inFolderOf(join(drop, name), { proc }, async (folder, own) => {
      const handle = await folder.openFile(own);
      try {
        return (await handle.readFile()).toString();
      } finally {
        await handle.close();
      }
    }).catch((error: unknown) => error);

  it('is a regular file, not a link, pipe, socket, folder or device', async () => {
    await symlink(join(outside, 'data.csv'), join(drop, 'link'));
    await symlink('/dev/zero', join(drop, 'zero'));
    execFileSync('mkfifo', [join(drop, 'pipe')]);
    await mkdir(join(drop, 'folder'));
    const server = createServer().listen(join(drop, 'socket'));
    await new Promise((done) => server.once('listening', done));
    try {
      expect(await open('data.csv')).toBe('A,B\n1,2\n');
      expect(await open('link')).toMatchObject({ code: 'FILE_OUTSIDE_ROOTS', retryable: true });
      expect(await open('zero')).toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
      for (const name of ['pipe', 'folder', 'socket']) {
        expect(await open(name)).toMatchObject({ code: 'SOURCE_NOT_A_FILE' });
      }
      expect(await open('none')).toMatchObject({ code: 'ENOENT', path: join(drop, 'none') });
    } finally {
      await new Promise((done) => server.close(done));
    }
  });

  it('is at its path', async () => {
    await rename(drop, `${drop}-aside`);
    await symlink(outside, drop);
    expect(await open('data.csv')).toMatchObject({
      code: 'FILE_OUTSIDE_ROOTS',
      message: expect.stringContaining(drop),
    });
    await unlink(drop);
    await symlink(`${drop}-aside`, drop);
    expect(await open('data.csv')).toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
    const made = (path: string): Promise<unknown> =>
      Folder.open(path, { create: true, proc }).catch((error: unknown) => error);
    expect(await made(join(drop, 'new', 'folder'))).toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
    await untouched();
  });

  it('belongs to its owner if it has several names', async () => {
    const borrowed = join(drop, 'borrowed');
    await link(join(outside, 'data.csv'), borrowed);
    // Only the owner of both could have created it.
    expect(await open('borrowed')).toBe(SECRET);
    await chmod(drop, 0o777);
    expect(await open('borrowed')).toMatchObject({
      code: 'SOURCE_NOT_A_FILE',
      message: expect.stringContaining('hard link'),
    });
    await chmod(drop, 0o755);
    if (process.getuid?.() !== 0) return;
    await chown(drop, 1234, 1234);
    expect(await open('borrowed')).toMatchObject({ code: 'SOURCE_NOT_A_FILE' });
    expect(await open('data.csv')).toBe('A,B\n1,2\n');
  });
});

describe("the worker's output", () => {
  it('replaces a link itself, and a file that has another name elsewhere, not their targets', async () => {
    const own = join(root, 'own');
    await makeFolder(own);
    for (const kind of ['link', 'name']) {
      for (const [name, write] of Object.entries({
        text: (path: string) => saveText('x', path),
        stream: (path: string) => saveStream(chunks('x'), path),
        rows: async (path: string) => {
          const rows = new RowFile(path, Buffer.from('H\n'));
          await rows.add('x\n');
          await rows.close();
        },
      })) {
        const path = join(own, `${kind}-${name}`);
        await (kind === 'link' ? symlink : link)(join(outside, 'data.csv'), path);
        await write(path);
        expect(await readFile(path, 'utf8')).toContain('x');
        expect((await stat(path)).nlink).toBe(1);
      }
    }
    await symlink(join(outside, 'none'), join(own, 'taken'));
    expect(await saveNew('x', join(own, 'taken'))).toBe(false);
    await untouched();
  });

  it.each([0, 0o022, 0o077])('has its modes under any umask (%i)', async (umask) => {
    const before = process.umask(umask);
    const modes = async (path: string): Promise<string> => ((await stat(path)).mode & 0o7777).toString(8);
    try {
      for (const [said, file, folder] of [
        ['', '600', '700'],
        ['600', '600', '700'],
        ['640', '640', '750'],
      ] as const) {
        process.env['NIGHTLOAD_FILE_MODE'] = said;
        const own = join(root, `own-${said}`, 'inner');
        await makeFolder(own);
        await saveText('x', join(own, 'text'));
        await saveNew('x', join(own, 'new'));
        for (const name of ['text', 'new']) expect(await modes(join(own, name))).toBe(file);
        for (const path of [own, join(root, `own-${said}`)]) expect(await modes(path)).toBe(folder);
      }
    } finally {
      process.umask(before);
      delete process.env['NIGHTLOAD_FILE_MODE'];
    }
  });

  it('keeps the group of its folder', async () => {
    const team = join(root, 'team');
    await mkdir(team);
    await chmod(team, 0o2750);
    await makeFolder(join(team, 'results'));
    expect((await stat(join(team, 'results'))).mode & 0o7777).toBe(0o2700);
  });

  it('has a valid mode', async () => {
    expect(() => fileModes('777')).toThrow(expect.objectContaining({ code: 'FILE_MODE_INVALID' }) as Error);
    await expect(
      FileRoots.fromEnvironment({ NIGHTLOAD_FILE_MODE: '666' }, root, () => undefined),
    ).rejects.toMatchObject({
      code: 'FILE_MODE_INVALID',
    });
  });
});

describe('a folder of working files', () => {
  it('is in the folder of its load, which no other user can write to either', async () => {
    const load = join(root, 'load');
    const stage = join(load, 'run-12345678', 'first');
    await makeFolder(stage);
    await saveText('mine', join(stage, 'note'));
    // Otherwise, another run's folder could replace it.
    await chmod(load, 0o777);
    await expect(readNote(join(stage, 'note'), 100)).rejects.toMatchObject({ code: 'WORK_FOLDER_NOT_PRIVATE' });
    await expect(makeFolder(join(load, 'run-2', 'first'))).rejects.toMatchObject({ code: 'WORK_FOLDER_NOT_PRIVATE' });
    await chmod(load, 0o700);
    expect((await readNote(join(stage, 'note'), 100))?.toString()).toBe('mine');
  });

  it('is trusted only if no other user can write there', async () => {
    const own = join(root, 'own');
    await makeFolder(own);
    await saveText('mine', join(own, 'note'));
    expect((await readNote(join(own, 'note'), 100))?.toString()).toBe('mine');
    expect(await readNote(join(own, 'note'), 3)).toBeUndefined();
    for (const mode of [0o720, 0o702, 0o777]) {
      await chmod(own, mode);
      await expect(readNote(join(own, 'note'), 100)).rejects.toMatchObject({ code: 'WORK_FOLDER_NOT_PRIVATE' });
      await expect(saveText('x', join(own, 'note'))).rejects.toMatchObject({ code: 'WORK_FOLDER_NOT_PRIVATE' });
    }
    await chmod(own, 0o755);
    expect((await readNote(join(own, 'note'), 100))?.toString()).toBe('mine');
    if (process.getuid?.() !== 0) return;
    await chown(own, 1234, 1234);
    await expect(readNote(join(own, 'note'), 100)).rejects.toMatchObject({ code: 'WORK_FOLDER_NOT_PRIVATE' });
    expect(await readdir(own)).toEqual(['note']);
  });
});

describe('the id of a root', () => {
  it.each<[string, (path: string) => unknown]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a link', (path) => symlink(join(outside, 'data.csv'), path)],
    ['huge', (path) => execFileSync('truncate', ['-s', '1G', path])],
    ['no id', (path) => writeFile(path, '../../elsewhere')],
  ])('is refused if it is %s', async (_what, put) => {
    await put(join(root, '.nightload-id'));
    const roots = await FileRoots.open([root]);
    await expect(roots.id()).rejects.toMatchObject({ code: 'FILE_ROOT_ID_UNREADABLE' });
  });

  it('is readable for workers of other users, and is created once', async () => {
    const [one, two] = await Promise.all([FileRoots.open([root]), FileRoots.open([root])]);
    const [first, second] = await Promise.all([one.id(), two.id()]);
    expect(first).toBe(second);
    expect((await stat(join(root, '.nightload-id'))).mode & 0o777).toBe(0o644);
  });
});

describe('external paths', () => {
  it("lead into the roots, with their links resolved; the worker's own paths have none", async () => {
    const roots = await FileRoots.open([root]);
    const uri = (path: string): string => pathToFileURL(path).href;
    await symlink(drop, join(root, 'within'));
    await symlink(outside, join(root, 'out'));
    expect((await roots.foreignFile(uri(join(root, 'within', 'data.csv')))).path).toBe(join(drop, 'data.csv'));
    const refused = { code: 'FILE_OUTSIDE_ROOTS' };
    await expect(roots.pathOf(uri(join(root, 'out', 'data.csv')))).rejects.toMatchObject(refused);
    await expect(roots.pathOf(uri(join(outside, 'data.csv')))).rejects.toMatchObject(refused);
    expect(() => roots.ownPathOf(uri(join(outside, 'data.csv')))).toThrow(expect.objectContaining(refused) as Error);
    expect(() => roots.ownPathOf(`${uri(root)}/..%2foutside/`)).toThrow(
      expect.objectContaining({ code: 'INVALID_FILE_URI' }) as Error,
    );
    expect(() => roots.checked(`${root}/../outside/data.csv`)).toThrow(expect.objectContaining(refused) as Error);
    await expect(roots.pathOf(`${uri(root)}/a%00b`)).rejects.toMatchObject({ code: 'INVALID_FILE_URI' });
    await expect(roots.pathOf(uri(join(root, 'x'.repeat(5_000))))).rejects.toMatchObject({
      code: 'SOURCE_NOT_READABLE',
    });
    await symlink('loop', join(root, 'loop'));
    await expect(roots.pathOf(uri(join(root, 'loop')))).rejects.toMatchObject({ code: 'SOURCE_NOT_READABLE' });
    await symlink(join(root, 'nowhere'), join(root, 'dangling'));
    await expect(fingerprint(await roots.foreignFile(uri(join(root, 'dangling'))))).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
    });
  });
});

/** Somebody who may write into the folder where `dev` is started has put something there first: it is left as it is. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startDevServer } from '../../../src/dev/dev-server.js';
import { privateFolder } from '../../../src/dev/private-data.js';

const REFUSED = { code: 'TEMPORAL_DATA_NOT_PRIVATE' };
const OTHER = 12_345;

let shared: string;
let victim: string;
let folder: string;
beforeEach(() => {
  shared = mkdtempSync(join(tmpdir(), 'nightload-private-'));
  victim = join(shared, 'victim');
  folder = join(shared, '.nightload');
  mkdirSync(victim, { mode: 0o755 });
  writeFileSync(join(victim, 'file'), 'x', { mode: 0o644 });
});
afterEach(() => rmSync(shared, { recursive: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

function untouched(): void {
  expect([modeOf(victim), modeOf(join(victim, 'file'))]).toEqual([0o755, 0o644]);
  expect([readdirSync(victim), readFileSync(join(victim, 'file'), 'utf8')]).toEqual([['file'], 'x']);
}

it('a folder of the same user is made, or taken and closed', async () => {
  await privateFolder(folder);
  expect(modeOf(folder)).toBe(0o700);
  chmodSync(folder, 0o755);
  await privateFolder(folder);
  expect(modeOf(folder)).toBe(0o700);
});

it.each(['victim', 'victim/file', 'nowhere'])('a link to %s is refused', async (target) => {
  symlinkSync(join(shared, target), folder);
  await expect(privateFolder(folder)).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining('a link') });
  expect([lstatSync(folder).isSymbolicLink(), existsSync(join(shared, 'nowhere'))]).toEqual([true, false]);
  untouched();
});

it('a file is refused', async () => {
  writeFileSync(folder, '', { mode: 0o644 });
  await expect(privateFolder(folder)).rejects.toMatchObject(REFUSED);
  expect(modeOf(folder)).toBe(0o644);
});

it.runIf(process.getuid?.() === 0)('a folder of another user is refused, also by root', async () => {
  mkdirSync(folder, { mode: 0o777 });
  chmodSync(folder, 0o777);
  chownSync(folder, OTHER, OTHER);
  await expect(privateFolder(folder)).rejects.toMatchObject({
    ...REFUSED,
    message: expect.stringContaining(`belongs to user ${OTHER}`),
  });
  expect([modeOf(folder), statSync(folder).uid]).toEqual([0o777, OTHER]);
});

it.each(['', '-wal', '-shm', '-journal', '.server'])(
  'a link is no database%s: its server is not started',
  async (end) => {
    const dbFile = join(shared, 'temporal.db');
    symlinkSync(join(victim, 'file'), dbFile + end);
    const program = join(shared, 'temporal');
    writeFileSync(program, `#!/bin/sh\ntouch ${join(shared, 'started')}\n`, { mode: 0o755 });
    await expect(startDevServer({ binary: program, dbFile, uiPort: 'off' })).rejects.toMatchObject(REFUSED);
    expect(existsSync(join(shared, 'started'))).toBe(false);
    untouched();
  },
);

it.runIf(process.getuid?.() === 0)('nor is the database of another user', async () => {
  const dbFile = join(shared, 'temporal.db');
  writeFileSync(dbFile, '', { mode: 0o644 });
  chownSync(dbFile, OTHER, OTHER);
  await expect(startDevServer({ binary: '/bin/false', dbFile, uiPort: 'off' })).rejects.toMatchObject(REFUSED);
  expect(modeOf(dbFile)).toBe(0o644);
});

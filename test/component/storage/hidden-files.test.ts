/** Keys and logins lie in hidden files: no load uses one, whatever the roots are. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileRoots } from '../../../src/storage/files/file-roots.js';
import { errorOf } from '../../helpers/salesforce.js';

const KEY = '.ssh/id_ed25519';

let home: string;
let told: string[];
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-hidden-')));
  told = [];
  for (const name of [KEY, '.env', 'app/.git/config', '.exports/a.csv', '.exports/.env', 'data/a.csv']) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), 'x');
  }
});
afterEach(() => rmSync(home, { recursive: true }));

const uri = (name: string): string => pathToFileURL(join(home, name)).href;
const started = (env: NodeJS.ProcessEnv, folder = home): Promise<FileRoots> =>
  FileRoots.fromEnvironment(env, folder, (text) => told.push(text));

it('a worker in a home uses none of its hidden files and folders, however they are named', async () => {
  symlinkSync('.ssh', join(home, 'ssh'));
  symlinkSync(KEY, join(home, 'key.csv'));
  symlinkSync('data', join(home, '.data'));
  const roots = await started({ HOME: home });
  const attacks = [
    ...[KEY, '.env', '.aws/credentials', 'app/.git/config', 'data/../.ssh/id_ed25519', '.new/results', '.ssh'],
    ...['ssh/id_ed25519', 'key.csv', '.data/a.csv', '..data/a.csv'],
  ].map(uri);
  for (const attack of [...attacks, `${uri('')}/%2Essh/id_ed25519`]) {
    const error = await errorOf(roots.foreignFile(attack));
    expect([attack, error]).toMatchObject([attack, { code: 'FILE_OUTSIDE_ROOTS' }]);
    expect((error as Error).message).toMatch(/hidden.*never used.*Move the file.*NIGHTLOAD_FILE_ROOTS/);
  }
  expect(await roots.pathOf(uri('data/a.csv'))).toBe(join(home, 'data/a.csv'));
});

it('nor as the place of results: by a load id, or in the answer that somebody gives for a step', async () => {
  const roots = await started({ HOME: home });
  expect(() => roots.checked(join(home, '.ssh'))).toThrow('hidden');
  expect(() => roots.ownPathOf(uri(KEY))).toThrow('hidden');
  expect(roots.ownPathOf(uri('results/load/run-1'))).toBe(join(home, 'results/load/run-1'));
});

it('uses a hidden folder that is named itself, and no hidden file in it', async () => {
  const roots = await started({ NIGHTLOAD_FILE_ROOTS: `${home}:${join(home, '.exports')}` });
  expect(await roots.pathOf(uri('.exports/a.csv'))).toBe(join(home, '.exports/a.csv'));
  await expect(roots.pathOf(uri('.exports/.env'))).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
  expect(await roots.id()).toMatch(/^[0-9a-f]{10}$/);
});

it('warns once if the folder for loads is a home, unless it was configured or is another folder', async () => {
  await started({ HOME: home, NIGHTLOAD_FILE_ROOTS: home });
  await started({ HOME: home }, join(home, 'data'));
  expect(told).toEqual([]);
  symlinkSync(home, join(home, 'link'));
  await started({ HOME: join(home, 'link') });
  expect(told).toEqual([expect.stringContaining('is your home directory')]);
  await started({ HOME: home }, dirname(home));
  expect(told[1]).toContain('contains your home directory');
});

it('uses the whole disk as a folder for loads only if configured', async () => {
  const error = await errorOf(started({ HOME: home }, '/'));
  expect(error).toMatchObject({ code: 'FILE_ROOTS_NOT_SET' });
  expect((error as Error).message).toContain('NIGHTLOAD_FILE_ROOTS');
  expect((await started({ HOME: home, NIGHTLOAD_FILE_ROOTS: '/' }, '/')).folders).toEqual(['/']);
});

/** Secrets of the worker within its own folders cannot be loaded, and no result overwrites them. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { secretPathsOf } from '../../../src/salesforce/config/connection-facts.js';
import { connectionsFromEnvironment } from '../../../src/salesforce/config/connections-from-env.js';
import { FileRoots } from '../../../src/storage/files/file-roots.js';

it('covers the connections file, its references, and rotated tokens', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-keep-out-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of ['etc', 'data', 'etc/connections.json.tokens']) mkdirSync(join(folder, name));
  const login = { loginUrl: 'https://acme.my.salesforce.com', clientId: 'a' };
  const entry = { auth: 'refreshToken', ...login, clientSecret: 'file:secret', refreshToken: 'env:T' };
  const path = join(folder, 'etc/connections.json');
  writeFileSync(path, JSON.stringify({ connections: { default: entry } }), { mode: 0o600 });
  writeFileSync(join(folder, 'etc/secret'), 'x', { mode: 0o600 });
  symlinkSync(join(folder, 'etc'), join(folder, 'data/link'));
  const roots = await FileRoots.open([folder]);
  await roots.keepOut(secretPathsOf(connectionsFromEnvironment({ NIGHTLOAD_CONNECTIONS: path, T: 't' })));
  const uri = (name: string): string => pathToFileURL(join(folder, name)).href;
  for (const name of [
    'etc/connections.json',
    'etc/secret',
    'etc/connections.json.tokens',
    'etc/connections.json.tokens/0.json',
    'data/../etc/secret',
    'data/link/secret',
    'data/link/connections.json.tokens/0.json',
  ]) {
    await expect(roots.pathOf(uri(name)), name).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
  }
  expect(() => roots.ownPathOf(uri('etc/secret'))).toThrow('is outside');
  expect(await roots.pathOf(uri('etc/secret.csv'))).toBe(join(folder, 'etc/secret.csv'));
  expect(await roots.pathOf(uri('data/a.csv'))).toBe(join(folder, 'data/a.csv'));
});

it('covers a secret that is rotated behind its link after the start', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-keep-out-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'key.pem'), version, { mode: 0o600 });
  }
  symlinkSync('v1', join(folder, 'data'));
  const roots = await FileRoots.open([folder]);
  await roots.keepOut([join(folder, 'data/key.pem')]);
  unlinkSync(join(folder, 'data'));
  symlinkSync('v2', join(folder, 'data'));
  for (const name of ['data/key.pem', 'v2/key.pem', 'v1/key.pem']) {
    const uri = pathToFileURL(join(folder, name)).href;
    await expect(roots.pathOf(uri), name).rejects.toMatchObject({ code: 'FILE_OUTSIDE_ROOTS' });
  }
});

/** `NIGHTLOAD_CODEC_KEYS`: what is accepted, what is refused, and that no message repeats a key. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { codecKeyFiles, codecKeysFrom } from '../../../src/codec/codec-keys.js';

const [K1, K2] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightload-keys-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const withKeys = (settings: unknown, env: Record<string, string> = {}) =>
  codecKeysFrom({ ...env, NIGHTLOAD_CODEC_KEYS: typeof settings === 'string' ? settings : JSON.stringify(settings) });

describe('keys', () => {
  it('are undefined if the variable is not set', () => {
    expect(codecKeysFrom({})).toBeUndefined();
    expect(codecKeysFrom({ NIGHTLOAD_CODEC_KEYS: ' ' })).toBeUndefined();
  });

  it('come from variables and files; the settings are JSON, or a file whose folder is the base of relative paths', () => {
    file('k1', `${K1}\n`);
    const settings = { active: 'k2', keys: { k1: 'file:k1', k2: 'env:SECOND' }, plaintext: 'refuse' };
    const keys = withKeys(file('keys.json', JSON.stringify(settings)), { SECOND: K2 });
    expect(keys).toMatchObject({ active: 'k2', plaintext: 'refuse' });
    expect([...(keys?.keys ?? [])].map(([id, key]) => [id, key.export().toString('base64')])).toEqual([
      ['k1', K1],
      ['k2', K2],
    ]);
    const inline = withKeys({ active: 'k1', keys: { k1: `file:${join(folder, 'k1')}` } });
    expect(inline).toMatchObject({ active: 'k1', plaintext: 'read' });
  });

  it('do not appear in printed settings', () => {
    const keys = withKeys({ active: 'k', keys: { k: 'env:K' } }, { K: K1 });
    expect(JSON.stringify([keys, [...(keys?.keys.values() ?? [])]])).not.toContain(K1.slice(0, 10));
  });
});

describe('files that others may read or change', () => {
  const keys = (mode?: string): unknown =>
    withKeys(join(folder, 'private.json'), mode === undefined ? {} : { NIGHTLOAD_SECRETS_MODE: mode });
  beforeEach(() => {
    for (const [name, text] of [
      ['private.json', JSON.stringify({ active: 'k', keys: { k: 'file:private-key' } })],
      ['private-key', K1],
    ] as const) {
      chmodSync(file(name, text), 0o600);
    }
  });

  it.each(['private.json', 'private-key'])('are refused: %s', (name) => {
    for (const mode of [0o644, 0o640, 0o620]) {
      chmodSync(join(folder, name), mode);
      expect(keys).toThrow(
        expect.objectContaining({
          code: 'SECRETS_READABLE',
          message: expect.stringContaining(`${name} has mode`) as string,
        }) as Error,
      );
    }
  });

  it('are accepted as NIGHTLOAD_SECRETS_MODE allows', () => {
    chmodSync(join(folder, 'private-key'), 0o640);
    expect(keys('640')).toMatchObject({ active: 'k' });
    chmodSync(join(folder, 'private-key'), 0o644);
    expect(() => keys('640')).toThrow(/has mode 0644/);
    expect(keys('644')).toMatchObject({ active: 'k' });
    expect(() => keys('666')).toThrow(/NIGHTLOAD_SECRETS_MODE must be/);
  });

  it('are known by name, so that no load can name them', () => {
    const [settings, key] = [join(folder, 'private.json'), join(folder, 'private-key')];
    expect(codecKeyFiles({ NIGHTLOAD_CODEC_KEYS: settings })).toEqual([settings, key]);
    const inline = JSON.stringify({ active: 'k', keys: { k: `file:${key}`, l: 'env:L' } });
    expect(codecKeyFiles({ NIGHTLOAD_CODEC_KEYS: inline })).toEqual([key]);
    expect(codecKeyFiles({})).toEqual([]);
  });
});

describe('invalid settings are refused with the reason and without the value', () => {
  const short = randomBytes(16).toString('base64');
  const cases: [string, unknown, Record<string, string>, RegExp][] = [
    ['no JSON', `{"active": "${K1}`, {}, /it is not valid JSON/],
    ['a list', '{"active":', {}, /it is not valid JSON/],
    ['another shape', { keys: { k: 'env:K' } }, { K: K1 }, /"active" must be the id/],
    ['a key too many', { active: 'k', keys: { k: 'env:K' }, extra: K1 }, { K: K1 }, /a key other than "active"/],
    ['the key itself', { active: 'k', keys: { k: K1 } }, {}, /"keys\.k" must be .*never the key itself/],
    ['name and value swapped', { active: K1, keys: { [K1]: 'k' } }, {}, /"active" must be the id/],
    [
      'an active key that is missing',
      { active: 'k9', keys: { k: 'env:K' } },
      { K: K1 },
      /the active key "k9" is not among the keys \(k\)/,
    ],
    ['no key', { active: 'k', keys: {} }, {}, /there are none/],
    ['16 bytes', { active: 'k', keys: { k: 'env:K' } }, { K: short }, /32 random bytes in base64, and it has 16 bytes/],
    ['no base64', { active: 'k', keys: { k: 'env:K' } }, { K: `${K1}!` }, /it is not base64/],
    ['zeros', { active: 'k', keys: { k: 'env:K' } }, { K: Buffer.alloc(32).toString('base64') }, /is not random/],
    [
      'a variable that is not set',
      { active: 'k', keys: { k: 'env:NOWHERE' } },
      {},
      /variable NOWHERE, which is not set/,
    ],
    ['no variable', { active: 'k', keys: { k: `env:${K1}` } }, {}, /no environment variable/],
    [
      'a missing file',
      { active: 'k', keys: { k: 'file:/nowhere/k' } },
      {},
      /"keys\.k" refers to a file that cannot be read \(ENOENT\)/,
    ],
    ['a folder', { active: 'k', keys: { k: 'file:/' } }, {}, /cannot be read \(EISDIR\)/],
    ['the same key twice', { active: 'k', keys: { k: 'env:K', l: 'env:K' } }, { K: K1 }, /"k" and "l" are the same/],
    ['a missing settings file', '/nowhere/keys.json', {}, /names a file that cannot be read \(ENOENT\)/],
  ];
  it.each(cases)('%s', (_name, settings, env, message) => {
    let error: unknown;
    try {
      withKeys(settings, env);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'CODEC_KEYS_INVALID', message: expect.stringMatching(message) as string });
    for (const secret of [K1, short]) expect((error as Error).message).not.toContain(secret.slice(0, 12));
  });

  it('a file too large for settings', () => {
    const path = file('large', 'x'.repeat(1_000_001));
    expect(() => withKeys(path)).toThrow(/cannot be read \(not a secret file\)/);
  });
});

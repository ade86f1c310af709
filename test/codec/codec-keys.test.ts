/** `NIGHTLOAD_CODEC_KEYS`: what is taken, what is refused, and that no message repeats a key. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codecKeysFrom } from '../../src/codec/codec-keys.js';

const [K1, K2] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightload-keys-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const withKeys = (settings: unknown, env: Record<string, string> = {}) =>
  codecKeysFrom({ ...env, NIGHTLOAD_CODEC_KEYS: typeof settings === 'string' ? settings : JSON.stringify(settings) });

describe('keys', () => {
  it('are none where the variable is not set', () => {
    expect(codecKeysFrom({})).toBeUndefined();
    expect(codecKeysFrom({ NIGHTLOAD_CODEC_KEYS: ' ' })).toBeUndefined();
  });

  it('come from variables and files, the settings as JSON or in a file whose folder relative paths begin at', () => {
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

  it('are shown by nothing that prints the settings', () => {
    const keys = withKeys({ active: 'k', keys: { k: 'env:K' } }, { K: K1 });
    expect(JSON.stringify([keys, [...(keys?.keys.values() ?? [])]])).not.toContain(K1.slice(0, 10));
  });
});

describe('what is refused, with the reason and without the value', () => {
  const short = randomBytes(16).toString('base64');
  const cases: [string, unknown, Record<string, string>, RegExp][] = [
    ['no JSON', `{"active": "${K1}`, {}, /it is no JSON/],
    ['a list', '{"active":', {}, /it is no JSON/],
    ['another shape', { keys: { k: 'env:K' } }, { K: K1 }, /"active" must be the id/],
    ['a key too many', { active: 'k', keys: { k: 'env:K' }, extra: K1 }, { K: K1 }, /a key beside "active"/],
    ['the key itself', { active: 'k', keys: { k: K1 } }, {}, /"keys\.k" must be .*never the key itself/],
    ['name and value swapped', { active: K1, keys: { [K1]: 'k' } }, {}, /"active" must be the id/],
    [
      'an active key that is missing',
      { active: 'k9', keys: { k: 'env:K' } },
      { K: K1 },
      /the active key "k9" is not among the keys \(k\)/,
    ],
    ['no key', { active: 'k', keys: {} }, {}, /there is none/],
    ['16 bytes', { active: 'k', keys: { k: 'env:K' } }, { K: short }, /32 random bytes in base64, and it has 16 bytes/],
    ['no base64', { active: 'k', keys: { k: 'env:K' } }, { K: `${K1}!` }, /it is no base64/],
    ['zeros', { active: 'k', keys: { k: 'env:K' } }, { K: Buffer.alloc(32).toString('base64') }, /is not random/],
    [
      'a variable that is not set',
      { active: 'k', keys: { k: 'env:NOWHERE' } },
      {},
      /variable NOWHERE, which is not set/,
    ],
    ['no variable', { active: 'k', keys: { k: `env:${K1}` } }, {}, /no environment variable/],
    [
      'a file that is not there',
      { active: 'k', keys: { k: 'file:/nowhere/k' } },
      {},
      /"keys\.k" refers to a file that cannot be read \(ENOENT\)/,
    ],
    ['a folder', { active: 'k', keys: { k: 'file:/' } }, {}, /no plain file/],
    ['the same key twice', { active: 'k', keys: { k: 'env:K', l: 'env:K' } }, { K: K1 }, /"k" and "l" are the same/],
    ['a settings file that is not there', '/nowhere/keys.json', {}, /names a file that cannot be read \(ENOENT\)/],
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

  it('a file larger than any settings', () => {
    const path = file('large', 'x'.repeat(64_001));
    expect(() => withKeys(path)).toThrow(/too long/);
  });
});

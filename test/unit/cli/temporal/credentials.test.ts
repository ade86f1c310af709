/** Which parts of Temporal's configuration are read again while a process runs. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchCredentials } from '../../../../src/cli/temporal/credentials.js';
import { temporalSettings } from '../../../../src/cli/temporal/connect.js';
import type { TemporalSettings } from '../../../../src/cli/temporal/connect.js';

const file = join(mkdtempSync(join(tmpdir(), 'nightload-temporal-')), 'temporal.toml');
const configure = (key: string, address = 'first.example:7233'): void =>
  writeFileSync(file, `[profile.default]\naddress = "${address}"\nnamespace = "night"\napi_key = "${key}"\n`);

let used: TemporalSettings['connectionOptions'][];
let warnings: string[];
let works: boolean;
let stop: () => void;
beforeEach(() => {
  vi.stubEnv('TEMPORAL_CONFIG_FILE', file);
  configure('key-1');
  [used, warnings, works] = [[], [], true];
  stop = watchCredentials(temporalSettings(), {
    read: temporalSettings,
    warn: (text) => warnings.push(text),
    intervalMs: 20,
    use: (options) => {
      if (!works) return Promise.reject(new Error('not yet'));
      used.push(options);
      return Promise.resolve();
    },
  });
});
afterEach(() => {
  stop();
  vi.unstubAllEnvs();
});

const rounds = (): Promise<unknown> => new Promise((done) => setTimeout(done, 150));

it('uses a changed API key of the configuration file, once, with the same server', async () => {
  configure('key-2', 'second.example:7233');
  await expect.poll(() => used.length).toBe(1);
  await rounds();
  expect(used).toMatchObject([{ apiKey: 'key-2', address: 'first.example:7233' }]);
  expect(warnings).toEqual([]);
});

it('does nothing while nothing changes', async () => {
  await rounds();
  expect(used).toEqual([]);
});

it('reports a key that does not work yet once, and tries it until it does', async () => {
  works = false;
  configure('key-2');
  await expect.poll(() => warnings.length).toBe(1);
  await rounds();
  expect(warnings).toEqual([expect.stringContaining('the old ones stay in use: not yet')]);
  works = true;
  await expect.poll(() => used.length).toBe(1);
});

/**
 * All places of secrets that an environment names, or where this user's programs keep theirs: no load may use one as
 * its source or output, whatever the roots are. `worker`, `dev`, `demo` and the plugin share this list.
 */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { loadClientConfig } from '@temporalio/envconfig';
import { codecKeyFiles } from '../../codec/codec-keys.js';
import { secretPathsOf } from '../../salesforce/config/connection-facts.js';
import { tokensFolder } from '../../salesforce/config/tokens-folder.js';
import type { ConnectionSettings, Environment } from '../../salesforce/config/connection-settings.js';
import type { FileRoots } from '../../storage/files/file-roots.js';

/** Logins of the Salesforce CLI. */
const SF_CLI_FOLDERS = ['.sf', '.sfdx'];
/** Folder of `dev` and `demo`, below the working directory: the database of their Temporal server. */
export const DEV_FOLDER = '.nightload';
const MAX_FILE_BYTES = 1_000_000;

/** @throws NightloadError `CODEC_KEYS_INVALID`, `SECRETS_READABLE` */
export async function keepSecretsOut(
  roots: FileRoots,
  connections: ReadonlyMap<string, ConnectionSettings>,
  env: Environment = process.env,
): Promise<void> {
  await roots.keepOut([...secretPathsOf(connections), ...secretPaths(env), ...devFolder(roots)]);
}

/** @throws NightloadError `CODEC_KEYS_INVALID`, `SECRETS_READABLE` */
export function secretPaths(env: Environment): Set<string> {
  const home = env['HOME'] || homedir();
  return new Set([
    ...connectionFiles(env),
    ...codecKeyFiles(env),
    ...temporalFiles(env, home),
    ...SF_CLI_FOLDERS.map((name) => join(home, name)),
  ]);
}

/** Also if the connections are not used, as in `dev`: a worker need not accept the file. */
function connectionFiles(env: Environment): string[] {
  const [file, key] = [env['NIGHTLOAD_CONNECTIONS']?.trim(), env['SF_JWT_KEY_FILE']?.trim()];
  const tokens = tokensFolder(env, file ? resolve(file) : undefined);
  return [
    ...(file ? [resolve(file), `${resolve(file)}.tokens`, ...filesNamedIn(resolve(file))] : []),
    ...(tokens === undefined ? [] : [tokens]),
    ...(key ? [resolve(key)] : []),
  ];
}

function filesNamedIn(path: string): string[] {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) return [];
    const text = readFileSync(path, 'utf8').replace(/^\uFEFF/u, '');
    // The folders in it are for loads to use.
    const withoutAllow: unknown = JSON.parse(text, (key, value: unknown) => (key === 'allow' ? undefined : value));
    return referencesIn(withoutAllow).map((reference) => resolve(dirname(path), reference.slice(5)));
  } catch {
    // Code that uses the file reports what is wrong with it.
    return [];
  }
}

function referencesIn(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('file:') ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(referencesIn) : [];
}

/** Temporal's configuration file, which may contain API keys, and the client keys of all its profiles. */
function temporalFiles(env: Environment, home: string): string[] {
  const keys: string[] = [];
  const given = env['TEMPORAL_TLS_CLIENT_KEY_PATH'];
  if (given) keys.push(resolve(given));
  try {
    const { profiles } = loadClientConfig({ overrideEnvVars: env as Record<string, string> });
    for (const { tls } of Object.values(profiles)) {
      const key = tls?.clientKey;
      if (key !== undefined && 'path' in key) keys.push(resolve(key.path));
    }
  } catch {
    // Code that connects reports what is wrong with it.
  }
  return [
    resolve(env['TEMPORAL_CONFIG_FILE'] || join(configFolder(env, home), 'temporalio', 'temporal.toml')),
    ...keys,
  ];
}

/** Where `@temporalio/envconfig` searches. */
function configFolder(env: Environment, home: string): string {
  if (process.platform === 'win32') return env['APPDATA'] || join(home, 'AppData', 'Roaming');
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support');
  return env['XDG_CONFIG_HOME'] || join(home, '.config');
}

/** The root of `demo` is inside it: there the database is out of reach anyway. */
function devFolder(roots: FileRoots): string[] {
  const folder = resolve(DEV_FOLDER);
  return roots.folders.some((root) => `${root}${sep}`.startsWith(`${folder}${sep}`)) ? [] : [folder];
}

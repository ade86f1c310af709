/**
 * Reads a worker's connections from `SF_*` variables, or from a file of several orgs, each with one of five login
 * forms.
 */
import { NightloadError } from '../../errors.js';
import { apiVersion } from '../resources/api-version.js';
import { DEFAULT_ALLOCATION } from '../../domain/platform/allocation-settings.js';
import { readConnectionsFile } from './connections-file.js';
import { readKey } from '../auth/jwt.js';
import { checkedAlias, connectionNameOf } from '../auth/sf-alias.js';
import type { ConnectionSettings, Environment } from './connection-settings.js';
import { loginFromVariables, loginVariables } from './login-variables.js';
import { inWordsOfFile, isLoginVariable } from './words-of-file.js';

/**
 * The connections that the environment describes, by name: those of the file that `NIGHTLOAD_CONNECTIONS` names, else
 * `default` from `SF_*` variables, else none.
 *
 * @param warn receives settings that work but may be unintended
 * @throws NightloadError `AMBIGUOUS_CREDENTIALS`, `INCOMPLETE_CREDENTIALS`, `JWT_KEY_UNREADABLE`, `JWT_KEY_INVALID`,
 *   `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`, `INVALID_API_VERSION`, and the errors of {@link readConnectionsFile}
 */
export function connectionsFromEnvironment(
  env: Environment,
  warn: (text: string) => void = () => undefined,
): Map<string, ConnectionSettings> {
  const path = env['NIGHTLOAD_CONNECTIONS']?.trim();
  if (path) return connectionsOfFile(path, env, warn);
  const set = loginVariables(env);
  const own = loginFromVariables(set, env, warn);
  if (own === undefined) return new Map();
  const settings = { ...own, allocation: { ...DEFAULT_ALLOCATION } };
  const version = set.get('SF_API_VERSION');
  return new Map([['default', version === undefined ? settings : { ...settings, apiVersion: apiVersion(version) }]]);
}

function connectionsOfFile(
  path: string,
  env: Environment,
  warn: (text: string) => void,
): Map<string, ConnectionSettings> {
  const file = readConnectionsFile(path, env);
  for (const settings of file.connections.values()) checkKey(settings);
  for (const warning of file.warnings) warn(warning);
  const unused = [...loginVariables(env).keys()]
    .filter((name) => isLoginVariable(name) && !file.variables.has(name))
    .sort();
  if (unused.length > 0) {
    const names = [...file.connections.keys()];
    warn(
      `${unused.join(', ')}: set, but not used, because the connections come from ${file.path}.` +
        (file.connections.has('default')
          ? ''
          : ` It has no connection "default", so every load must specify one: --connection ${names.join(' or ')}.`),
    );
  }
  return file.connections;
}

/** A worker that cannot log in fails at startup. */
function checkKey(settings: ConnectionSettings): void {
  if (settings.auth !== 'jwt') return;
  try {
    readKey(settings);
  } catch (error) {
    throw settings.origin === undefined ? error : inWordsOfFile(error, settings.origin);
  }
}

/**
 * Adds the login of the Salesforce CLI on this machine (`--from-sf`) under the name of its alias, and as `default` if
 * there is none.
 * @throws NightloadError `USAGE`
 */
export function withSfCli(
  connections: ReadonlyMap<string, ConnectionSettings>,
  alias: string | undefined,
): Map<string, ConnectionSettings> {
  const all = new Map(connections);
  if (alias === undefined) return all;
  const settings: ConnectionSettings = {
    auth: 'sfCli',
    alias: checkedAlias(alias),
    allocation: { ...DEFAULT_ALLOCATION },
  };
  const name = connectionNameOf(alias);
  if (all.has(name)) {
    throw new NightloadError(
      'USAGE',
      `--from-sf ${alias}: a connection with this name already exists. Use it, or give the login another alias.`,
    );
  }
  all.set(name, settings);
  if (!all.has('default')) all.set('default', settings);
  return all;
}

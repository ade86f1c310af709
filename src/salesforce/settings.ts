/**
 * Connections as a worker is given them: from `SF_*` variables or from a file of several orgs, each with one of five
 * ways to log in.
 */
import { statSync } from 'node:fs';
import { NightloadError } from '../errors.js';
import type { Allow } from './allow.js';
import { apiVersion } from './api-version.js';
import { SalesforceConnection } from './connection.js';
import { DEFAULT_ALLOCATION } from './connections-allocation.js';
import type { Allocation } from './connections-allocation.js';
import { readConnectionsFile, tokensFolder } from './connections-file.js';
import { readKey } from './jwt.js';
import type { JwtSettings } from './jwt.js';
import { OAuthTokens } from './oauth.js';
import { isMountedSecret, secretsMode, troubleOf } from './private-file.js';
import { Secret } from './secret.js';
import { checkedAlias, connectionNameOf, sfCliTokens } from './sf-cli.js';
import { readyToken } from './tokens.js';
import type { AccessToken, TokenSource } from './tokens.js';
import type { Timeouts } from './transport.js';
import { safeOrigin } from './urls.js';

interface TokenSettings {
  auth: 'token';
  instanceUrl: string;
  accessToken: Secret;
}

interface ClientCredentialsSettings {
  auth: 'clientCredentials';
  /** The org's own address (My Domain). */
  loginUrl: string;
  clientId: string;
  clientSecret: Secret;
  instanceUrlHosts?: readonly string[];
}

interface RefreshTokenSettings {
  auth: 'refreshToken';
  loginUrl: string;
  clientId: string;
  clientSecret?: Secret;
  refreshToken: Secret;
  /** Folder for refresh tokens that the org rotates. Without it, an org that rotates them is refused. */
  tokensFolder?: string;
  instanceUrlHosts?: readonly string[];
}

interface JwtBearerSettings extends JwtSettings {
  auth: 'jwt';
}

interface SfCliSettings {
  auth: 'sfCli';
  /** An alias or user name that the Salesforce CLI of this machine is logged in with. */
  alias: string;
}

export type LoginSettings =
  TokenSettings | ClientCredentialsSettings | JwtBearerSettings | RefreshTokenSettings | SfCliSettings;

/** What it takes to open a connection. */
export type OrgSettings = LoginSettings & {
  /** `v66.0`. @default the highest that the org offers, at most the newest tested one */
  apiVersion?: string;
  /** Where it stands, when that is a connections file. */
  origin?: { name: string; file: string };
  /** Files that its references name. */
  secretFiles?: readonly string[];
};

export type ConnectionSettings = OrgSettings & {
  /** How much of the org's rolling limits nightload may use. */
  allocation: Allocation;
  /** What it may be used for. @default everything */
  allow?: Allow;
};

export type Environment = Readonly<Record<string, string | undefined>>;

interface Form {
  /** The variable that nothing else needs, so that it tells which form is meant. */
  sign: string;
  needs: readonly string[];
}

const FORMS = {
  token: { sign: 'SF_ACCESS_TOKEN', needs: ['SF_INSTANCE_URL', 'SF_ACCESS_TOKEN'] },
  clientCredentials: { sign: 'SF_CLIENT_SECRET', needs: ['SF_LOGIN_URL', 'SF_CLIENT_ID', 'SF_CLIENT_SECRET'] },
  jwt: { sign: 'SF_JWT_KEY_FILE', needs: ['SF_LOGIN_URL', 'SF_CLIENT_ID', 'SF_USERNAME', 'SF_JWT_KEY_FILE'] },
  refreshToken: { sign: 'SF_REFRESH_TOKEN', needs: ['SF_LOGIN_URL', 'SF_CLIENT_ID', 'SF_REFRESH_TOKEN'] },
} as const satisfies Record<string, Form>;

type FormName = keyof typeof FORMS;

const ALL_FORMS = Object.keys(FORMS) as FormName[];

function listed(names: readonly FormName[]): string {
  return names.map((name) => FORMS[name].needs.join(' + ')).join('; or ');
}

/** Variables that are set to something. */
function present(env: Environment): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    const trimmed = value?.trim();
    if (name.startsWith('SF_') && trimmed) found.set(name, trimmed);
  }
  return found;
}

function formOf(set: ReadonlyMap<string, string>): FormName | undefined {
  const signs = ALL_FORMS.filter((name) => set.has(FORMS[name].sign));
  // A refresh token may come with a client secret: that is still one form.
  const forms = signs.filter((name) => name !== 'clientCredentials' || !set.has(FORMS.refreshToken.sign));
  if (forms.length > 1) {
    throw new NightloadError(
      'AMBIGUOUS_CREDENTIALS',
      `${forms.map((name) => FORMS[name].sign).join(' and ')} are set, which are different ways to log in. Keep one of: ${listed(ALL_FORMS)}.`,
    );
  }
  return forms[0];
}

function checkComplete(form: FormName | undefined, set: ReadonlyMap<string, string>): void {
  const known = new Set<string>(Object.values(FORMS).flatMap((entry) => entry.needs));
  const begun = [...set.keys()].filter((name) => known.has(name));
  if (form === undefined && begun.length > 0) {
    throw new NightloadError(
      'INCOMPLETE_CREDENTIALS',
      `${begun.join(', ')} alone do not make a connection. Set one of: ${listed(ALL_FORMS)}.`,
    );
  }
  const missing = form === undefined ? [] : FORMS[form].needs.filter((name) => !set.has(name));
  if (form !== undefined && missing.length > 0) {
    throw new NightloadError(
      'INCOMPLETE_CREDENTIALS',
      `${FORMS[form].sign} is set, but ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing. Set ${listed([form])}.`,
    );
  }
}

function login(value: (name: string) => string): { loginUrl: string; clientId: string } {
  return { loginUrl: safeOrigin(value('SF_LOGIN_URL'), 'SF_LOGIN_URL'), clientId: value('SF_CLIENT_ID') };
}

function loginOf(
  form: FormName,
  value: (name: string) => string,
  env: Environment,
  warn: (text: string) => void,
): LoginSettings {
  switch (form) {
    case 'token':
      return {
        auth: 'token',
        instanceUrl: safeOrigin(value('SF_INSTANCE_URL'), 'SF_INSTANCE_URL'),
        accessToken: new Secret(value('SF_ACCESS_TOKEN')),
      };
    case 'clientCredentials':
      return { auth: form, ...login(value), clientSecret: new Secret(value('SF_CLIENT_SECRET')) };
    case 'refreshToken': {
      const secret = value('SF_CLIENT_SECRET');
      const refreshToken = new Secret(value('SF_REFRESH_TOKEN'));
      const folder = tokensFolder(env);
      return {
        auth: form,
        ...login(value),
        refreshToken,
        ...(folder !== undefined && { tokensFolder: folder }),
        ...(secret !== '' && { clientSecret: new Secret(secret) }),
      };
    }
    case 'jwt': {
      const keyFile = value('SF_JWT_KEY_FILE');
      // Read again for each token; a worker that cannot log in says so when it starts.
      readKey({ keyFile });
      const trouble = isMountedSecret(keyFile) ? undefined : troubleOf(statSync(keyFile), secretsMode(env));
      if (trouble !== undefined) {
        warn(
          `The file that SF_JWT_KEY_FILE names ${trouble}: others on this machine may read the key. chmod 600 closes it.`,
        );
      }
      const audience = value('SF_JWT_AUDIENCE');
      const username = value('SF_USERNAME');
      return { auth: form, ...login(value), username, keyFile, ...(audience !== '' && { audience }) };
    }
  }
}

/**
 * The connections that the environment describes, by name: those of the file that `NIGHTLOAD_CONNECTIONS` names, else
 * `default` from `SF_*` variables, else none.
 *
 * @param warn told of what works and is perhaps not meant
 * @throws NightloadError `AMBIGUOUS_CREDENTIALS`, `INCOMPLETE_CREDENTIALS`, `JWT_KEY_UNREADABLE`, `JWT_KEY_INVALID`,
 *   `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`, `INVALID_API_VERSION`, and what {@link readConnectionsFile} throws
 */
export function connectionsFromEnvironment(
  env: Environment,
  warn: (text: string) => void = () => undefined,
): Map<string, ConnectionSettings> {
  const path = env['NIGHTLOAD_CONNECTIONS']?.trim();
  if (path) return connectionsOfFile(path, env, warn);
  const set = present(env);
  const form = formOf(set);
  checkComplete(form, set);
  if (form === undefined) return new Map();
  const own = loginOf(form, (name) => set.get(name) ?? '', env, warn);
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
  const unused = [...present(env).keys()].filter((name) => name in KEYS && !file.variables.has(name)).sort();
  if (unused.length > 0) {
    const names = [...file.connections.keys()];
    warn(
      `${unused.join(', ')}: set, but not used, since the connections come from ${file.path}.` +
        (file.connections.has('default')
          ? ''
          : ` It has no connection "default", so every load must name one: --connection ${names.join(' or ')}.`),
    );
  }
  return file.connections;
}

/** A worker that cannot log in says so when it starts. */
function checkKey(settings: ConnectionSettings): void {
  if (settings.auth !== 'jwt') return;
  try {
    readKey(settings);
  } catch (error) {
    throw settings.origin === undefined ? error : inWordsOfFile(error, settings.origin);
  }
}

/** Each connection's share of its org's limits, plain data by name. */
export function allocationsOf(connections: ReadonlyMap<string, ConnectionSettings>): Map<string, Allocation> {
  return new Map([...connections].map(([name, { allocation }]) => [name, allocation]));
}

/** Files and folders with secrets of these connections: loads may neither read nor write them. */
export function secretPathsOf(connections: ReadonlyMap<string, ConnectionSettings>): Set<string> {
  const paths = [...connections.values()].flatMap((settings) => {
    const { auth, origin, secretFiles = [] } = settings;
    return [
      ...secretFiles,
      ...(origin === undefined ? [] : [origin.file, `${origin.file}.tokens`]),
      ...(auth === 'jwt' && settings.keyFile !== undefined ? [settings.keyFile] : []),
      ...(auth === 'refreshToken' && settings.tokensFolder !== undefined ? [settings.tokensFolder] : []),
    ];
  });
  return new Set(paths);
}

/** What each connection may be used for, plain data by name; those that are not limited are left out. */
export function allowsOf(connections: ReadonlyMap<string, ConnectionSettings>): Map<string, Allow> {
  return new Map(
    [...connections].flatMap(([name, { allow }]) => (allow === undefined ? [] : [[name, allow] as const])),
  );
}

/** What a key of a connections file is called as a variable. */
const KEYS: Readonly<Record<string, string>> = {
  SF_INSTANCE_URL: 'instanceUrl',
  SF_ACCESS_TOKEN: 'accessToken',
  SF_LOGIN_URL: 'loginUrl',
  SF_CLIENT_ID: 'clientId',
  SF_CLIENT_SECRET: 'clientSecret',
  SF_REFRESH_TOKEN: 'refreshToken',
  SF_USERNAME: 'username',
  SF_JWT_KEY_FILE: 'privateKey',
  SF_JWT_AUDIENCE: 'audience',
  SF_API_VERSION: 'apiVersion',
};

/** Advice that names variables, in the words of the file that the connection comes from. */
function inWordsOfFile(error: unknown, { name, file }: { name: string; file: string }): unknown {
  if (!(error instanceof NightloadError)) return error;
  const message = error.message.replaceAll(/\bSF_[A-Z_]+\b/g, (variable) => KEYS[variable] ?? variable);
  const { code, retryable, detail } = error;
  return new NightloadError(code, `Connection "${name}" of ${file}: ${message}`, { retryable, detail, cause: error });
}

/** @throws NightloadError `INVALID_ACCESS_TOKEN`, `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`, `TOKENS_FOLDER_UNUSABLE` */
function tokensOf(settings: OrgSettings): TokenSource {
  const { origin } = settings;
  const open = (): TokenSource => {
    if (settings.auth === 'token') return readyToken(settings.instanceUrl, settings.accessToken);
    return settings.auth === 'sfCli' ? sfCliTokens(settings.alias) : new OAuthTokens(settings);
  };
  if (origin === undefined) return open();
  try {
    const tokens = open();
    const told = (token: Promise<AccessToken>): Promise<AccessToken> =>
      token.catch((error: unknown) => {
        throw inWordsOfFile(error, origin);
      });
    return {
      current: () => told(tokens.current()),
      renew: (stale) => told(tokens.renew(stale)),
      ...(tokens.close && { close: () => tokens.close?.() ?? Promise.resolve() }),
    };
  } catch (error) {
    throw inWordsOfFile(error, origin);
  }
}

/** A connection for these settings; no request is made yet. Close it when the worker ends. */
export function openConnection(
  settings: OrgSettings,
  options: { timeouts?: Partial<Timeouts> } = {},
): SalesforceConnection {
  return new SalesforceConnection({
    tokens: tokensOf(settings),
    ...(settings.apiVersion !== undefined && { apiVersion: settings.apiVersion }),
    ...options,
  });
}

/**
 * These connections, and the login of the Salesforce CLI on this machine (`--from-sf`) under the name of its alias, and as
 * `default` where there is none.
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
      `--from-sf ${alias}: there is a connection of this name already. Use it, or give the login another alias.`,
    );
  }
  all.set(name, settings);
  if (!all.has('default')) all.set('default', settings);
  return all;
}

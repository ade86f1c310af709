/**
 * Connections as a worker is given them: from `SF_*` variables, one of four ways to log in.
 */
import { NightloadError } from '../errors.js';
import { apiVersion } from './api-version.js';
import { SalesforceConnection } from './connection.js';
import { readKey } from './jwt.js';
import type { JwtSettings } from './jwt.js';
import { OAuthTokens } from './oauth.js';
import { Secret } from './secret.js';
import { readyToken } from './tokens.js';
import type { TokenSource } from './tokens.js';
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
}

interface RefreshTokenSettings {
  auth: 'refreshToken';
  loginUrl: string;
  clientId: string;
  clientSecret?: Secret;
  refreshToken: Secret;
}

interface JwtBearerSettings extends JwtSettings {
  auth: 'jwt';
}

export type ConnectionSettings = (
  TokenSettings | ClientCredentialsSettings | JwtBearerSettings | RefreshTokenSettings
) & {
  /** `v66.0`. @default the highest that the org offers, at most the newest tested one */
  apiVersion?: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

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

function settingsOf(form: FormName, value: (name: string) => string): ConnectionSettings {
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
      return { auth: form, ...login(value), refreshToken, ...(secret !== '' && { clientSecret: new Secret(secret) }) };
    }
    case 'jwt': {
      const keyFile = value('SF_JWT_KEY_FILE');
      // Read again for each token; a worker that cannot log in says so when it starts.
      readKey(keyFile);
      const audience = value('SF_JWT_AUDIENCE');
      const username = value('SF_USERNAME');
      return { auth: form, ...login(value), username, keyFile, ...(audience !== '' && { audience }) };
    }
  }
}

/**
 * The connections that the environment describes, by name: `default`, or none when no `SF_*` variable is set.
 *
 * @throws NightloadError `AMBIGUOUS_CREDENTIALS`, `INCOMPLETE_CREDENTIALS`, `JWT_KEY_UNREADABLE`, `JWT_KEY_INVALID`,
 *   `CONNECTIONS_FILE_NOT_AVAILABLE`, `INVALID_URL`, `INSECURE_URL`, `INVALID_API_VERSION`
 */
export function connectionsFromEnvironment(env: Environment): Map<string, ConnectionSettings> {
  if (env['NIGHTLOAD_CONNECTIONS']?.trim()) {
    throw new NightloadError(
      'CONNECTIONS_FILE_NOT_AVAILABLE',
      'NIGHTLOAD_CONNECTIONS is set, but this version of nightload reads one connection from SF_* variables and no file yet. ' +
        `Unset it and set one of: ${listed(ALL_FORMS)}.`,
    );
  }
  const set = present(env);
  const form = formOf(set);
  checkComplete(form, set);
  if (form === undefined) return new Map();
  const settings = settingsOf(form, (name) => set.get(name) ?? '');
  const version = set.get('SF_API_VERSION');
  return new Map([['default', version === undefined ? settings : { ...settings, apiVersion: apiVersion(version) }]]);
}

function tokensOf(settings: ConnectionSettings): TokenSource {
  return settings.auth === 'token' ? readyToken(settings.instanceUrl, settings.accessToken) : new OAuthTokens(settings);
}

/** A connection for these settings; no request is made yet. Close it when the worker ends. */
export function openConnection(
  settings: ConnectionSettings,
  options: { timeouts?: Partial<Timeouts> } = {},
): SalesforceConnection {
  return new SalesforceConnection({
    tokens: tokensOf(settings),
    ...(settings.apiVersion !== undefined && { apiVersion: settings.apiVersion }),
    ...options,
  });
}

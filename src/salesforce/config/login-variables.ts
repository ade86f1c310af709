/** Reads a login from `SF_*` variables: which of four forms it has, and whether it is complete. */
import { statSync } from 'node:fs';
import { defined } from '../../domain/defined.js';
import { NightloadError } from '../../errors.js';
import { isMountedSecret, secretsMode, troubleOf } from '../../runtime/private-file.js';
import { readKey } from '../auth/jwt.js';
import { safeOrigin } from '../auth/safe-origin.js';
import { Secret } from '../../runtime/secret.js';
import type { Environment, LoginSettings } from './connection-settings.js';
import { tokensFolder } from './tokens-folder.js';

interface Form {
  /** The variable that only this form uses, so that it identifies the form. */
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

/** Non-empty `SF_*` variables. */
export function loginVariables(env: Environment): Map<string, string> {
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
      `${forms.map((name) => FORMS[name].sign).join(' and ')} are set, which are different login methods. Keep one of: ${listed(ALL_FORMS)}.`,
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
      `${begun.join(', ')} ${begun.length === 1 ? 'is' : 'are'} not enough to log in. Set one of: ${listed(ALL_FORMS)}.`,
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

/**
 * @returns undefined if no variable of a login is set
 * @param warn receives settings that work but may be unintended
 * @throws NightloadError `AMBIGUOUS_CREDENTIALS`, `INCOMPLETE_CREDENTIALS`, `JWT_KEY_UNREADABLE`, `JWT_KEY_INVALID`,
 *   `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`
 */
export function loginFromVariables(
  set: ReadonlyMap<string, string>,
  env: Environment,
  warn: (text: string) => void,
): LoginSettings | undefined {
  const form = formOf(set);
  checkComplete(form, set);
  const value = (name: string): string => set.get(name) ?? '';
  switch (form) {
    case undefined:
      return undefined;
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
        ...defined({ tokensFolder: folder }),
        ...(secret !== '' && { clientSecret: new Secret(secret) }),
      };
    }
    case 'jwt': {
      const keyFile = value('SF_JWT_KEY_FILE');
      // Read again for each token; checked here so that a worker that cannot log in fails at startup.
      readKey({ keyFile });
      const trouble = isMountedSecret(keyFile) ? undefined : troubleOf(statSync(keyFile), secretsMode(env));
      if (trouble !== undefined) {
        warn(
          `The file that SF_JWT_KEY_FILE names ${trouble}: other users on this machine can read the key. Restrict it: chmod 600.`,
        );
      }
      const audience = value('SF_JWT_AUDIENCE');
      const username = value('SF_USERNAME');
      return { auth: form, ...login(value), username, keyFile, ...(audience !== '' && { audience }) };
    }
  }
}

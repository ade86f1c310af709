/** Reads one connection of a connections file: its login, its share of the org's limits, and its permitted uses. */
import { defined } from '../../domain/defined.js';
import { allocationOf, reserveTrouble, windowTrouble } from '../../domain/platform/allocation-settings.js';
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import { safeOrigin } from '../auth/safe-origin.js';
import { ALIAS_PATTERN } from '../auth/sf-alias.js';
import { apiVersion } from '../resources/api-version.js';
import { prefixTrouble } from './allow-list.js';
import type { Allow } from './allow-list.js';
import type { ConnectionSettings, Environment, LoginSettings } from './connection-settings.js';
import type { ConnectionEntry } from './connections-schema.js';
import { EntryValues } from './entry-values.js';
import type { FileNotes } from './entry-values.js';
import { tokensFolder } from './tokens-folder.js';

interface AppSettings {
  loginUrl: string;
  clientId: string;
  instanceUrlHosts?: readonly string[];
}

export class EntryReader {
  readonly #file: FileNotes;
  readonly #env: Environment;
  readonly #name: string;
  readonly #values: EntryValues;

  constructor(file: FileNotes, env: Environment, name: string) {
    this.#file = file;
    this.#env = env;
    this.#name = name;
    this.#values = new EntryValues(file, env, name);
  }

  settings(entry: ConnectionEntry): ConnectionSettings {
    const version = this.#values.optional('apiVersion', entry.apiVersion);
    const login = this.#login(entry);
    return {
      ...login,
      ...(this.#values.secretFiles.size > 0 && { secretFiles: [...this.#values.secretFiles] }),
      allocation: this.#allocation(entry.allocation),
      origin: { name: this.#name, file: this.#file.path },
      ...(version !== undefined && { apiVersion: this.#version(version) }),
      ...(entry.allow !== undefined && { allow: this.#allow(entry.allow) }),
    };
  }

  #login(entry: ConnectionEntry): LoginSettings {
    switch (entry.auth) {
      case 'token':
        return {
          auth: entry.auth,
          instanceUrl: this.#address('instanceUrl', entry.instanceUrl),
          accessToken: this.#values.secret('accessToken', entry.accessToken),
        };
      case 'clientCredentials':
        return {
          auth: entry.auth,
          ...this.#app(entry),
          clientSecret: this.#values.secret('clientSecret', entry.clientSecret),
        };
      case 'refreshToken': {
        const { clientSecret } = entry;
        return {
          auth: entry.auth,
          ...this.#app(entry),
          refreshToken: this.#values.secret('refreshToken', entry.refreshToken),
          tokensFolder: tokensFolder(this.#env, this.#file.path) as string,
          ...(clientSecret !== undefined && { clientSecret: this.#values.secret('clientSecret', clientSecret) }),
        };
      }
      case 'sfCli': {
        const { instanceUrlHosts } = entry;
        return { auth: entry.auth, alias: this.#alias(entry.alias), ...defined({ instanceUrlHosts }) };
      }
      case 'jwt': {
        const audience = this.#values.optional('audience', entry.audience);
        return {
          auth: entry.auth,
          ...this.#app(entry),
          username: this.#values.text('username', entry.username),
          ...this.#values.key(entry.privateKey),
          ...defined({ audience }),
        };
      }
    }
  }

  #app(entry: { loginUrl: string; clientId: string; instanceUrlHosts?: readonly string[] | undefined }): AppSettings {
    const { instanceUrlHosts } = entry;
    return {
      loginUrl: this.#address('loginUrl', entry.loginUrl),
      clientId: this.#values.text('clientId', entry.clientId),
      ...defined({ instanceUrlHosts }),
    };
  }

  #allocation(part: ConnectionEntry['allocation']): Allocation {
    if (part === undefined) return allocationOf();
    const window = this.#values.optional('allocation.window', part.window);
    const reserve =
      typeof part.reserve === 'string' ? this.#values.text('allocation.reserve', part.reserve) : part.reserve;
    const resolved = {
      ...part,
      window,
      // A variable's value is text.
      reserve: typeof reserve === 'string' && /^\d+$/.test(reserve) ? Number(reserve) : reserve,
    };
    this.#values.refuse('allocation.window', window === undefined ? undefined : windowTrouble(window));
    this.#values.refuse('allocation.reserve', reserveTrouble(resolved));
    return allocationOf(resolved);
  }

  #allow(allow: NonNullable<ConnectionEntry['allow']>): Allow {
    for (const key of ['sourcePrefixes', 'outputPrefixes'] as const) {
      const trouble = allow[key]?.map(prefixTrouble).find((found) => found !== undefined);
      this.#values.refuse(`allow.${key}`, trouble);
    }
    return allow;
  }

  #address(key: string, value: string): string {
    return safeOrigin(this.#values.text(key, value), `${this.#file.path}: ${this.#values.place(key)}`);
  }

  #alias(value: string): string {
    const alias = this.#values.text('alias', value);
    // The resolved reference becomes a program argument.
    this.#values.refuse(
      'alias',
      new RegExp(`^${ALIAS_PATTERN}$`).test(alias) ? undefined : 'is not an alias or a username',
    );
    return alias;
  }

  #version(version: string): string {
    try {
      return apiVersion(version);
    } catch {
      // The original message repeats the value, which may have come from the wrong variable.
      throw this.#values.invalid('apiVersion', 'must be a version such as v66.0; the oldest is v41.0');
    }
  }
}

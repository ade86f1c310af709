/**
 * Reads a connections file (`NIGHTLOAD_CONNECTIONS`): several orgs by name, each with its way to log in and its share
 * of the org's limits. Texts may be references, so that the file itself holds no secret.
 */
import { dirname, resolve } from 'node:path';
import { NightloadError } from '../errors.js';
import { prefixTrouble } from './allow.js';
import type { Allow } from './allow.js';
import { apiVersion } from './api-version.js';
import { allocationOf, reserveTrouble, windowTrouble } from './connections-allocation.js';
import type { Allocation } from './connections-allocation.js';
import { parseConnections, placeOf, REFERENCE } from './connections-schema.js';
import type { ConnectionEntry } from './connections-schema.js';
import type { JwtKey } from './jwt.js';
import { readPrivately, secretsMode } from './private-file.js';
import type { SecretsMode } from './private-file.js';
import { FileSecret, Secret } from './secret.js';
import { ALIAS_PATTERN } from './sf-cli.js';
import type { ConnectionSettings, Environment, LoginSettings } from './settings.js';
import { safeOrigin } from './urls.js';

export interface ConnectionsFile {
  /** As the settings give it, made absolute. */
  path: string;
  connections: Map<string, ConnectionSettings>;
  /** Environment variables that references in the file name. */
  variables: Set<string>;
  /** What works and should be done better. */
  warnings: string[];
  /** Who may read files with secrets. */
  mode: SecretsMode;
}

/**
 * @throws NightloadError `CONNECTIONS_FILE_UNREADABLE`, `CONNECTIONS_FILE_INVALID`, `CONNECTION_REFERENCE_EMPTY`,
 *   `SECRETS_READABLE`, `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`
 */
export function readConnectionsFile(given: string, env: Environment): ConnectionsFile {
  const path = resolve(given);
  const mode = secretsMode(env);
  const parsed = parseConnections(parse(path, load(path, mode)));
  if ('troubles' in parsed) throw invalid(path, parsed.troubles);
  const file: ConnectionsFile = { path, connections: new Map(), variables: new Set(), warnings: [], mode };
  for (const [name, entry] of Object.entries(parsed.connections)) {
    file.connections.set(name, new EntryReader(file, env, name).settings(entry));
  }
  return file;
}

function load(path: string, mode: SecretsMode): string {
  try {
    return readPrivately(path, mode).replace(/^\uFEFF/u, '');
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw new NightloadError(
      'CONNECTIONS_FILE_UNREADABLE',
      `The connections file ${path} cannot be read (${codeOf(error)}). ` +
        "Correct NIGHTLOAD_CONNECTIONS, or let the worker's user read the file.",
      { cause: error },
    );
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message of the parser repeats what stands around the place: it may be a secret.
    const at = /at position (\d+)/.exec((error as Error).message)?.[1];
    const before = at === undefined ? [] : text.slice(0, Number(at)).split('\n');
    const place =
      before.length === 0 ? '' : `, from line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1} on`;
    throw invalid(path, [`It is no JSON${place}. Look for a comma or a quote too many or too few.`]);
  }
}

function invalid(path: string, troubles: readonly string[]): NightloadError {
  return new NightloadError(
    'CONNECTIONS_FILE_INVALID',
    troubles.length === 1 ? `${path}: ${troubles[0]}` : `${path}:\n  ${troubles.join('\n  ')}`,
  );
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

interface AppSettings {
  loginUrl: string;
  clientId: string;
  instanceUrlHosts?: readonly string[];
}

/** Where rotated refresh tokens are kept: beside the file, unless another folder is named. */
export function tokensFolder(env: Environment, file?: string): string | undefined {
  const named = env['NIGHTLOAD_TOKENS']?.trim();
  if (named) return resolve(named);
  return file === undefined ? undefined : `${file}.tokens`;
}

/** One connection of the file. */
class EntryReader {
  readonly #file: ConnectionsFile;
  readonly #env: Environment;
  readonly #name: string;
  readonly #secretFiles = new Set<string>();

  constructor(file: ConnectionsFile, env: Environment, name: string) {
    this.#file = file;
    this.#env = env;
    this.#name = name;
  }

  settings(entry: ConnectionEntry): ConnectionSettings {
    const version = this.#optional('apiVersion', entry.apiVersion);
    const login = this.#login(entry);
    return {
      ...login,
      ...(this.#secretFiles.size > 0 && { secretFiles: [...this.#secretFiles] }),
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
          accessToken: this.#secret('accessToken', entry.accessToken),
        };
      case 'clientCredentials':
        return {
          auth: entry.auth,
          ...this.#app(entry),
          clientSecret: this.#secret('clientSecret', entry.clientSecret),
        };
      case 'refreshToken': {
        const { clientSecret } = entry;
        return {
          auth: entry.auth,
          ...this.#app(entry),
          refreshToken: this.#secret('refreshToken', entry.refreshToken),
          tokensFolder: tokensFolder(this.#env, this.#file.path) as string,
          ...(clientSecret !== undefined && { clientSecret: this.#secret('clientSecret', clientSecret) }),
        };
      }
      case 'sfCli':
        return { auth: entry.auth, alias: this.#alias(entry.alias) };
      case 'jwt': {
        const audience = this.#optional('audience', entry.audience);
        return {
          auth: entry.auth,
          ...this.#app(entry),
          username: this.#text('username', entry.username),
          ...this.#key(entry.privateKey),
          ...(audience !== undefined && { audience }),
        };
      }
    }
  }

  #app(entry: { loginUrl: string; clientId: string; instanceUrlHosts?: readonly string[] | undefined }): AppSettings {
    const { instanceUrlHosts } = entry;
    return {
      loginUrl: this.#address('loginUrl', entry.loginUrl),
      clientId: this.#text('clientId', entry.clientId),
      ...(instanceUrlHosts !== undefined && { instanceUrlHosts }),
    };
  }

  #allocation(part: ConnectionEntry['allocation']): Allocation {
    if (part === undefined) return allocationOf();
    const window = this.#optional('allocation.window', part.window);
    const reserve = typeof part.reserve === 'string' ? this.#text('allocation.reserve', part.reserve) : part.reserve;
    const resolved = {
      ...part,
      window,
      // A variable has no numbers.
      reserve: typeof reserve === 'string' && /^\d+$/.test(reserve) ? Number(reserve) : reserve,
    };
    this.#refuse('allocation.window', window === undefined ? undefined : windowTrouble(window));
    this.#refuse('allocation.reserve', reserveTrouble(resolved));
    return allocationOf(resolved);
  }

  #allow(allow: NonNullable<ConnectionEntry['allow']>): Allow {
    const trouble = allow.sourcePrefixes?.map(prefixTrouble).find((found) => found !== undefined);
    this.#refuse('allow.sourcePrefixes', trouble);
    return allow;
  }

  /** A key in a file is read for each token, so that it can be changed. */
  #key(value: string): JwtKey {
    const reference = REFERENCE.exec(value);
    if (reference?.[1] === 'file') {
      const keyFile = this.#pathOf(reference[2] as string);
      this.#readFile('privateKey', keyFile);
      return { keyFile, mode: this.#file.mode };
    }
    return { privateKey: this.#secret('privateKey', value) };
  }

  #address(key: string, value: string): string {
    return safeOrigin(this.#text(key, value), `${this.#file.path}: ${this.#place(key)}`);
  }

  #alias(value: string): string {
    const alias = this.#text('alias', value);
    // What a reference leads to becomes an argument of a program.
    this.#refuse('alias', new RegExp(`^${ALIAS_PATTERN}$`).test(alias) ? undefined : 'is no alias and no user name');
    return alias;
  }

  #version(version: string): string {
    try {
      return apiVersion(version);
    } catch {
      // Its message repeats the value, which may have come from the wrong variable.
      throw this.#invalid('apiVersion', 'must be a version such as v66.0; the oldest is v41.0');
    }
  }

  #secret(key: string, value: string): Secret {
    if (!REFERENCE.test(value)) {
      this.#file.warnings.push(
        `${this.#file.path}: ${this.#place(key)} stands in the file itself. Better a reference: env:NAME or file:PATH.`,
      );
    }
    // A variable cannot change while the worker runs; a file can.
    return REFERENCE.exec(value)?.[1] === 'file'
      ? new FileSecret(() => this.#text(key, value))
      : new Secret(this.#text(key, value));
  }

  #optional(key: string, value: string | undefined): string | undefined {
    return value === undefined ? undefined : this.#text(key, value);
  }

  /** The text, or what its reference leads to. */
  #text(key: string, value: string): string {
    const [, kind, target] = REFERENCE.exec(value) ?? [];
    if (target === undefined) return value;
    // One line end: editors and `echo` leave it, and it is never meant.
    const found =
      kind === 'env' ? this.#variable(key, target) : this.#readFile(key, this.#pathOf(target)).replace(/\r?\n$/, '');
    if (found.trim() !== '') return found;
    throw kind === 'env'
      ? this.#unresolved(key, `the environment variable ${target}, which is not set. Set it for the worker`)
      : this.#unresolved(key, `${this.#pathOf(target)}, which is empty. Fill it`);
  }

  #variable(key: string, name: string): string {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw this.#unresolved(key, 'no environment variable. Write its name after "env:"');
    this.#file.variables.add(name);
    return this.#env[name]?.trim() ?? '';
  }

  /** Relative paths are relative to the connections file. */
  #pathOf(target: string): string {
    return resolve(dirname(this.#file.path), target);
  }

  #readFile(key: string, path: string): string {
    this.#secretFiles.add(path);
    try {
      return readPrivately(path, this.#file.mode);
    } catch (error) {
      if (error instanceof NightloadError) throw error;
      // What follows "file:" may be the secret itself.
      const shown = path.includes('\n') || path.length > 300 ? 'a file' : path;
      throw this.#unresolved(key, `${shown}, which cannot be read (${codeOf(error)}). Let the worker's user read it`);
    }
  }

  #place(key: string): string {
    return placeOf(['connections', this.#name, ...key.split('.')]);
  }

  #refuse(key: string, trouble: string | undefined): void {
    if (trouble !== undefined) throw this.#invalid(key, trouble);
  }

  #invalid(key: string, trouble: string): NightloadError {
    return invalid(this.#file.path, [`${this.#place(key)} ${trouble}.`]);
  }

  #unresolved(key: string, what: string): NightloadError {
    return new NightloadError(
      'CONNECTION_REFERENCE_EMPTY',
      `${this.#file.path}: ${this.#place(key)} refers to ${what}, or correct the reference.`,
      // While a worker runs, a file may be written anew just now; at the start nobody tries again.
      { retryable: true },
    );
  }
}

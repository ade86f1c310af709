/** Values of one connection in a connections file: references are resolved, and errors name their place. */
import { dirname, resolve } from 'node:path';
import { NightloadError } from '../../errors.js';
import { readPrivately } from '../../runtime/private-file.js';
import type { SecretsMode } from '../../runtime/private-file.js';
import type { JwtKey } from '../auth/jwt.js';
import { FileSecret, Secret } from '../auth/secret.js';
import type { Environment } from './connection-settings.js';
import { codeOf, invalid } from './connections-file-errors.js';
import { placeOf, REFERENCE } from './connections-schema.js';

/** What all connections of a file share. */
export interface FileNotes {
  /** As given in the settings, made absolute. */
  path: string;
  /** Environment variables referenced in the file. */
  variables: Set<string>;
  /** Settings that work but should be improved. */
  warnings: string[];
  /** Required permissions of files with secrets. */
  mode: SecretsMode;
}

export class EntryValues {
  /** Files that references name. */
  readonly secretFiles = new Set<string>();
  readonly #file: FileNotes;
  readonly #env: Environment;
  readonly #name: string;

  /** @param name of the connection */
  constructor(file: FileNotes, env: Environment, name: string) {
    this.#file = file;
    this.#env = env;
    this.#name = name;
  }

  /** A key in a file is read for each token, so that it can be replaced. */
  key(value: string): JwtKey {
    const reference = REFERENCE.exec(value);
    if (reference?.[1] === 'file') {
      const keyFile = this.#pathOf(reference[2] as string);
      this.#readFile('privateKey', keyFile);
      return { keyFile, mode: this.#file.mode };
    }
    return { privateKey: this.secret('privateKey', value) };
  }

  secret(key: string, value: string): Secret {
    if (!REFERENCE.test(value)) {
      this.#file.warnings.push(
        `${this.#file.path}: ${this.place(key)} is in the file itself. Use a reference instead: env:NAME or file:PATH.`,
      );
    }
    // A variable cannot change while the worker runs; a file can.
    return REFERENCE.exec(value)?.[1] === 'file'
      ? new FileSecret(() => this.text(key, value))
      : new Secret(this.text(key, value));
  }

  /** The text of a value that may be left out. */
  optional(key: string, value: string | undefined): string | undefined {
    return value === undefined ? undefined : this.text(key, value);
  }

  /** The text, or the value of its reference. */
  text(key: string, value: string): string {
    const [, kind, target] = REFERENCE.exec(value) ?? [];
    if (target === undefined) return value;
    // Removes one line ending, which editors and `echo` add.
    const found =
      kind === 'env' ? this.#variable(key, target) : this.#readFile(key, this.#pathOf(target)).replace(/\r?\n$/, '');
    if (found.trim() !== '') return found;
    throw kind === 'env'
      ? this.#unresolved(key, `the environment variable ${target}, which is not set. Set it for the worker`)
      : this.#unresolved(key, `${this.#pathOf(target)}, which is empty. Fill it`);
  }

  #variable(key: string, name: string): string {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw this.#unresolved(key, 'no environment variable. Add its name after "env:"');
    this.#file.variables.add(name);
    return this.#env[name]?.trim() ?? '';
  }

  /** Relative paths are relative to the connections file. */
  #pathOf(target: string): string {
    return resolve(dirname(this.#file.path), target);
  }

  #readFile(key: string, path: string): string {
    this.secretFiles.add(path);
    try {
      return readPrivately(path, this.#file.mode);
    } catch (error) {
      if (error instanceof NightloadError) throw error;
      // The text after "file:" may be the secret itself.
      const shown = path.includes('\n') || path.length > 300 ? 'a file' : path;
      throw this.#unresolved(key, `${shown}, which cannot be read (${codeOf(error)}). Let the worker's user read it`);
    }
  }

  /** Where a value is, for a message. */
  place(key: string): string {
    return placeOf(['connections', this.#name, ...key.split('.')]);
  }

  /** Fails if there is something wrong with a value. */
  refuse(key: string, trouble: string | undefined): void {
    if (trouble !== undefined) throw this.invalid(key, trouble);
  }

  invalid(key: string, trouble: string): NightloadError {
    return invalid(this.#file.path, [`${this.place(key)} ${trouble}.`]);
  }

  #unresolved(key: string, what: string): NightloadError {
    return new NightloadError(
      'CONNECTION_REFERENCE_EMPTY',
      `${this.#file.path}: ${this.place(key)} refers to ${what}, or correct the reference.`,
      // While a worker runs, the file may be in the middle of a rewrite; at startup there are no retries.
      { retryable: true },
    );
  }
}

/**
 * Values of a settings file that may be references, `env:NAME` or `file:PATH`, so that the file itself needs no secret.
 * Errors name the place of a value and never its text.
 */
import { dirname, resolve } from 'node:path';
import { NightloadError } from '../errors.js';
import { fileErrorCode, readPrivately } from './private-file.js';
import type { SecretsMode } from './private-file.js';
import { FileSecret, Secret } from './secret.js';

/** Alternative to a text: the name of an environment variable, or the path of a file. */
export const REFERENCE = /^(env|file):(.+)$/su;

export interface ReferenceScope {
  /** Of the settings file, absolute: paths in references are relative to it. */
  path: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Required permissions of files with secrets. */
  mode: SecretsMode;
  /** Receives names of environment variables. */
  variables: Set<string>;
  /** Receives settings that work but should be improved. */
  warnings: string[];
  /** Code of the error about a reference that leads to nothing. */
  emptyCode: string;
  /** Where a value is, for a message. */
  placeOf(key: string): string;
}

export class ReferenceValues {
  /** Files that references name. */
  readonly secretFiles = new Set<string>();
  readonly #scope: ReferenceScope;

  constructor(scope: ReferenceScope) {
    this.#scope = scope;
  }

  /** A value that belongs elsewhere than in the file; there it gets a warning. */
  secret(key: string, value: string): Secret {
    if (!REFERENCE.test(value)) {
      this.#scope.warnings.push(
        `${this.placeInFile(key)} is in the file itself. Use a reference instead: env:NAME or file:PATH.`,
      );
    }
    return this.hidden(key, value);
  }

  /** A value that is not shown. */
  hidden(key: string, value: string): Secret {
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
      kind === 'env' ? this.#variable(key, target) : this.readFile(key, this.pathOf(target)).replace(/\r?\n$/, '');
    if (found.trim() !== '') return found;
    throw kind === 'env'
      ? this.#unresolved(key, `the environment variable ${target}, which is not set. Set it for the worker`)
      : this.#unresolved(key, `${this.pathOf(target)}, which is empty. Fill it`);
  }

  /** Where a value is, for a message. */
  place(key: string): string {
    return this.#scope.placeOf(key);
  }

  /** The same with the path of the file. */
  placeInFile(key: string): string {
    return `${this.#scope.path}: ${this.place(key)}`;
  }

  protected pathOf(target: string): string {
    return resolve(dirname(this.#scope.path), target);
  }

  protected readFile(key: string, path: string): string {
    this.secretFiles.add(path);
    try {
      return readPrivately(path, this.#scope.mode);
    } catch (error) {
      if (error instanceof NightloadError) throw error;
      // The text after "file:" may be the secret itself.
      const shown = path.includes('\n') || path.length > 300 ? 'a file' : path;
      throw this.#unresolved(
        key,
        `${shown}, which cannot be read (${fileErrorCode(error)}). Let the worker's user read it`,
      );
    }
  }

  #variable(key: string, name: string): string {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw this.#unresolved(key, 'no environment variable. Add its name after "env:"');
    this.#scope.variables.add(name);
    return this.#scope.env[name]?.trim() ?? '';
  }

  #unresolved(key: string, what: string): NightloadError {
    return new NightloadError(
      this.#scope.emptyCode,
      `${this.placeInFile(key)} refers to ${what}, or correct the reference.`,
      // While a worker runs, the file may be in the middle of a rewrite; at startup there are no retries.
      { retryable: true },
    );
  }
}

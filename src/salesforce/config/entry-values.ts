/** Values of one connection in a connections file: references are resolved, and errors name their place. */
import type { NightloadError } from '../../errors.js';
import type { SecretsMode } from '../../runtime/private-file.js';
import { REFERENCE, ReferenceValues } from '../../runtime/reference-values.js';
import { placeOf } from '../../domain/text/key-place.js';
import type { JwtKey } from '../auth/jwt.js';
import type { Environment } from './connection-settings.js';
import { invalid } from './connections-file-errors.js';

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

export class EntryValues extends ReferenceValues {
  readonly #file: FileNotes;

  /** @param name of the connection */
  constructor(file: FileNotes, env: Environment, name: string) {
    super({
      ...file,
      env,
      emptyCode: 'CONNECTION_REFERENCE_EMPTY',
      placeOf: (key) => placeOf(['connections', name, ...key.split('.')]),
    });
    this.#file = file;
  }

  /** A key in a file is read for each token, so that it can be replaced. */
  key(value: string): JwtKey {
    const reference = REFERENCE.exec(value);
    if (reference?.[1] === 'file') {
      const keyFile = this.pathOf(reference[2] as string);
      this.readFile('privateKey', keyFile);
      return { keyFile, mode: this.#file.mode };
    }
    return { privateKey: this.secret('privateKey', value) };
  }

  /** Fails if there is something wrong with a value. */
  refuse(key: string, trouble: string | undefined): void {
    if (trouble !== undefined) throw this.invalid(key, trouble);
  }

  invalid(key: string, trouble: string): NightloadError {
    return invalid(this.#file.path, [`${this.place(key)} ${trouble}.`]);
  }
}

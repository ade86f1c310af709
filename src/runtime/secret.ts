/** Keeps tokens and passwords out of logs, errors and dumps of settings. */
import { inspect } from 'node:util';

/** A value that is only available through `reveal()`: printing, serializing or inspecting it gives `[secret]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/** A secret in a file, read whenever it is needed, so that a new one needs no restart. */
export class FileSecret extends Secret {
  readonly #read: () => string;

  /** @param read called at once, so that a worker without its secrets does not start */
  constructor(read: () => string) {
    super('');
    this.#read = read;
    read();
  }

  override reveal(): string {
    return this.#read();
  }
}

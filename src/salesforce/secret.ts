/**
 * Keeps tokens and passwords out of what people read: logs, errors, dumps of settings.
 */
import { inspect } from 'node:util';

/** A value that shows itself only to `reveal()`: printing, serialising or inspecting it gives `[secret]`. */
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

/** A secret in a file, read whenever it is needed: whoever renews it need not restart a worker. */
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

/** Shape of a Salesforce session id: organisation id, `!`, the rest. */
export const SESSION_ID = /00D[A-Za-z0-9]{12,15}(?:!|%21)[\w.\-/+=%]+/g;

/**
 * A secret in whatever form it comes back: as it is, form-encoded, percent-encoded in whole or in part, or escaped for
 * JSON.
 */
function anyForm(secret: string): RegExp {
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
  const characters = [...secret].map((character) => {
    const plain = character.replace(/[^A-Za-z0-9]/u, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);
    const small = [...Buffer.from(character)].map((byte) => `%${hex(byte)}`).join('');
    return `(?:\\\\?${plain}|${small}|${small.toUpperCase()}${character === ' ' ? '|\\+' : ''})`;
  });
  return new RegExp(characters.join(''), 'gu');
}

/**
 * `text` without the given secrets and without anything that looks like a session id.
 * Servers and proxies do repeat request headers and bodies in error pages.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replace(anyForm(secret), '[secret]');
  }
  return clean.replace(SESSION_ID, '[secret]');
}

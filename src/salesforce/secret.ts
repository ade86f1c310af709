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

/** Shape of a Salesforce session id: organisation id, `!`, the rest. */
const SESSION_ID = /00D[A-Za-z0-9]{12,15}![\w.\-/+=]+/g;

/**
 * `text` without the given secrets and without anything that looks like a session id.
 * Servers and proxies do repeat request headers in error pages.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replaceAll(secret, '[secret]');
  }
  return clean.replace(SESSION_ID, '[secret]');
}

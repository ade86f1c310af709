/** Reads the targets of a notify file, and checks everything that can be checked without sending. */
import { isAbsolute } from 'node:path';
import type { NightloadError } from '../errors.js';
import { findProgram, isProgram } from '../runtime/clean-environment.js';
import type { ReferenceValues } from '../runtime/reference-values.js';
import type { Secret } from '../runtime/secret.js';
import { isAddress, mailServerOf, webAddressOf } from './addresses.js';
import type { TargetEntry } from './notify-schema.js';
import type { Target } from './settings.js';

export class TargetReader {
  readonly #values: ReferenceValues;
  readonly #invalid: (trouble: string) => NightloadError;

  constructor(values: ReferenceValues, invalid: (trouble: string) => NightloadError) {
    this.#values = values;
    this.#invalid = invalid;
  }

  /** @throws NightloadError `NOTIFY_FILE_INVALID`, `NOTIFY_REFERENCE_EMPTY`, `SECRETS_READABLE`, `INSECURE_URL` */
  target(name: string, entry: TargetEntry): Target {
    const place = `targets/${name}`;
    switch (entry.type) {
      case 'webhook':
        return {
          type: entry.type,
          url: this.#url(place, entry.url),
          secret: this.#values.secret(`${place}/secret`, entry.secret),
        };
      case 'slack':
      case 'teams':
        return { type: entry.type, url: this.#url(place, entry.url) };
      case 'email': {
        const smtp = this.#values.secret(`${place}/smtp`, entry.smtp);
        mailServerOf(smtp, this.#values.placeInFile(`${place}/smtp`));
        return {
          type: entry.type,
          smtp,
          from: this.#address(`${place}/from`, entry.from),
          to: entry.to.map((one, i) => this.#address(`${place}/to/${i}`, one)),
        };
      }
      case 'exec':
        return { type: entry.type, command: this.#command(`${place}/command`, entry.command) };
    }
  }

  /** Anyone who knows the address of a webhook may post to it, so it is a secret. */
  #url(place: string, value: string): Secret {
    const url = this.#values.secret(`${place}/url`, value);
    webAddressOf(url, this.#values.placeInFile(`${place}/url`));
    return url;
  }

  #address(key: string, value: string): string {
    const address = this.#values.text(key, value);
    if (!isAddress(address)) throw this.#invalid(`${this.#values.place(key)} must be an e-mail address`);
    return address;
  }

  #command(key: string, values: readonly string[]): Secret[] {
    const command = values.map((value, i) => this.#values.hidden(`${key}/${i}`, value));
    const program = command[0]?.reveal() ?? '';
    // A relative path would depend on the working directory, where loads may write.
    const isName = !/[\\/]/.test(program);
    const found = isName ? findProgram(program) : isAbsolute(program) ? program : undefined;
    if (found === undefined || !isProgram(found)) {
      throw this.#invalid(
        `${this.#values.place(key)} must begin with a program that this user may run: an absolute path, or a name on PATH`,
      );
    }
    return command;
  }
}

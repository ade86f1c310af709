/** How the CLI tells an error: one line for people, one JSON line where it was asked for. */
import { NightloadError } from '../errors.js';
import type { LoadError } from '../contract.js';
import { withCauses } from '../plain-text.js';

export function asLoadError(error: unknown): LoadError {
  if (error instanceof NightloadError) return { code: error.code, message: error.message };
  return { code: 'UNEXPECTED', message: withCauses(error) };
}

/** Everything for people goes to stderr; stdout is for the result alone. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

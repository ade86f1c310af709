/** How the CLI tells an error: one line for people, one JSON line where it was asked for. */
import { NightloadError } from '../errors.js';
import type { LoadError } from '../contract.js';
import { printable, printableJson, withCauses } from '../plain-text.js';

export function asLoadError(error: unknown): LoadError {
  if (error instanceof NightloadError) return { code: error.code, message: error.message };
  return { code: 'UNEXPECTED', message: withCauses(error) };
}

/** Every text that a command prints for people comes through here: nothing in it steers the terminal. */
export function forTerminal(text: string): string {
  // A line that others began must not look like one of ours.
  return printable(text).replace(/(?<=[^\n])\n(?=[^\n])/g, '\n  ');
}

/** Everything for people goes to stderr; stdout is for the result alone. */
export function say(line: string): void {
  process.stderr.write(`${forTerminal(line)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value))}\n`);
}

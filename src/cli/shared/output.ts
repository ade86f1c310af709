/** How the CLI reports an error: one line for people, one JSON line on request. */
import { NightloadError } from '../../errors.js';
import type { LoadError } from '../../contract/load-result.js';
import { printable, printableJson, withCauses } from '../../domain/text/plain-text.js';

export function asLoadError(error: unknown): LoadError {
  if (error instanceof NightloadError) return { code: error.code, message: error.message };
  return { code: 'UNEXPECTED', message: withCauses(error) };
}

/** All text that commands print for people passes through here: nothing in it can control the terminal. */
export function forTerminal(text: string): string {
  // A further line, also after blank ones, may be untrusted text: it must not look like one of ours.
  return printable(text).replace(/\n(?=[^\n])/g, '\n  ');
}

/** Everything for people goes to stderr; stdout is only for the result. */
export function say(line: string): void {
  process.stderr.write(`${forTerminal(line)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value))}\n`);
}

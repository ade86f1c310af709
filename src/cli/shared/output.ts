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

export type Level = 'INFO' | 'WARN' | 'ERROR';
type LineOf = (text: string, level: Level) => string;

let lineOf: LineOf = forTerminal;

/** Everything for people goes to stderr; stdout is only for the result. */
export function say(text: string): void {
  write(text, 'INFO');
}

export function sayWarning(text: string): void {
  write(`Warning: ${text}`, 'WARN');
}

export function sayError({ code, message }: LoadError): void {
  write(`nightload: ${code}: ${message}`, 'ERROR');
}

function write(text: string, level: Level): void {
  process.stderr.write(`${lineOf(text, level)}\n`);
}

/** For a process whose stderr programs read: from now on each line is written like this. */
export function sayAs(format: LineOf): void {
  lineOf = format;
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value))}\n`);
}

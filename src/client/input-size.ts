/** Temporal limits the size of a workflow's input, and a start that exceeds it fails without naming what is large. */
import type { BulkLoadInput } from '../contract/load-input.js';
import { NightloadError } from '../errors.js';

/** The server's limit for a payload is 2 MiB; steps carry the input plus something of their own. */
export const MAX_INPUT_BYTES = 2_000_000;

/** @throws NightloadError `INPUT_TOO_LARGE` */
export function refuseLargeInput(input: BulkLoadInput): void {
  const total = bytesOf(input);
  if (total <= MAX_INPUT_BYTES) return;
  const [name = '', bytes = 0] =
    Object.entries(input)
      .flatMap(([key, value]): [string, unknown][] => (key === 'retry' ? inRetry(value) : [[key, value]]))
      .map(([key, value]): [string, number] => [key, bytesOf(value)])
      .sort((a, b) => b[1] - a[1])[0] ?? [];
  const number = new Intl.NumberFormat('en-US');
  throw new NightloadError(
    'INPUT_TOO_LARGE',
    `The input of the load has ${number.format(total)} bytes, but Temporal accepts ${number.format(MAX_INPUT_BYTES)}. ` +
      `Most of it is \`${name}\` (${number.format(bytes)} bytes${HINTS[name] ?? ''}): make it smaller, or write these values into the file itself.`,
  );
}

const HINTS: Record<string, string> = {
  columns: '; --map and --map-file',
  constants: '; --set, and values in a mapping file',
  'retry.fixes': '; --fixes',
};

function inRetry(retry: unknown): [string, unknown][] {
  return Object.entries((retry ?? {}) as Record<string, unknown>).map(([key, value]) => [`retry.${key}`, value]);
}

function bytesOf(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}

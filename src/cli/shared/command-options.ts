/** What several commands share when they are defined. */

/** Wraps a command's action, whose number is the exit code. */
export type Runs = <A extends unknown[]>(action: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;

export const TIMEOUT = [
  '--timeout <duration>',
  'how long to wait without progress before giving up (default: 1m)',
] as const;
export const JSON_OPTION = ['--json', 'print the result as JSON on stdout'] as const;

export const SEED_RECORDS = [
  '--seed-records <object=file>',
  'fill an object with the records of a CSV file, unless it has some; may be repeated',
] as const;

/** For options that may be repeated. */
export const collectAll = (value: string, all: string[] = []): string[] => [...all, value];

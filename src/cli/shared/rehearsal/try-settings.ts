/** `--try parallel=1,4`: the same load with one other setting. */
import { InvalidArgumentError } from 'commander';
import { NightloadError } from '../../../errors.js';
import { parseBytes, parseShare, parseWhole } from '../input/load-options.js';
import type { LoadOptions } from '../input/load-options.js';

const text = (value: string): string => value;

/** Options of a load that change how long it takes, and how their values are read. */
const SETTINGS = {
  parallel: { key: 'parallel', parse: parseWhole },
  'part-size': { key: 'partSize', parse: parseBytes },
  'retry-rounds': { key: 'retryRounds', parse: parseWhole },
  'retry-wait': { key: 'retryWait', parse: text },
  'poll-initial': { key: 'pollInitial', parse: text },
  'poll-max': { key: 'pollMax', parse: text },
  'abort-when-failed': { key: 'abortWhenFailed', parse: parseShare },
} as const satisfies Record<string, { key: keyof LoadOptions; parse: (value: string) => unknown }>;

/** Each is a whole rehearsal. */
const MAX_TRIES = 20;

export interface TrySetting {
  /** `parallel=4` */
  name: string;
  options: Partial<LoadOptions>;
}

/** @throws NightloadError `USAGE` */
export function trySettings(given: readonly string[]): TrySetting[] {
  const settings = given.flatMap((one) => {
    const [, name = '', values = ''] = /^([^=]*)=(.*)$/s.exec(one) ?? [];
    const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name as keyof typeof SETTINGS] : undefined;
    if (setting === undefined) {
      throw usage(one, `use one of ${Object.keys(SETTINGS).join(', ')} with values, such as parallel=1,4`);
    }
    return values.split(',').map((value) => ({
      name: `${name}=${value.trim()}`,
      options: { [setting.key]: parsed(one, setting.parse, value.trim()) } as Partial<LoadOptions>,
    }));
  });
  if (settings.length > MAX_TRIES) throw usage(given.join(' '), `at most ${MAX_TRIES} values at once`);
  return settings;
}

function parsed(one: string, parse: (value: string) => unknown, value: string): unknown {
  try {
    if (value === '') throw new InvalidArgumentError('A value is missing.');
    return parse(value);
  } catch (error) {
    throw error instanceof InvalidArgumentError ? usage(one, error.message) : error;
  }
}

function usage(one: string, why: string): NightloadError {
  return new NightloadError('USAGE', `--try ${one}: ${why}`);
}

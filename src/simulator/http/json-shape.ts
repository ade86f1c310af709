/** Checks that JSON input has known names and values of the right type. */
import { inspect } from 'node:util';

export interface Kind {
  /** Description of the expected value. */
  words: string;
  fits: (value: unknown) => boolean;
}

export type Shape<T> = { readonly [Name in keyof Required<T>]: Kind };

export const aNumber: Kind = { words: 'a number, 0 or more', fits: (value) => typeof value === 'number' && value >= 0 };
export const whole: Kind = {
  words: 'a whole number, 0 or more',
  fits: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0,
};
export const text: Kind = { words: 'a string', fits: (value) => typeof value === 'string' };
export const aKey: Kind = {
  words: 'a string of 16 characters or more',
  fits: (value) => typeof value === 'string' && value.length >= 16,
};
export const flag: Kind = { words: 'true or false', fits: (value) => typeof value === 'boolean' };
export const aFunction: Kind = { words: 'a function', fits: (value) => typeof value === 'function' };
export const anything: Kind = { words: 'anything', fits: () => true };

export const oneOf = (values: readonly unknown[]): Kind => ({
  words: `one of ${values.join(', ')}`,
  fits: (value) => values.includes(value),
});

export const either = (one: Kind, other: Kind): Kind => ({
  words: `${one.words} or ${other.words}`,
  fits: (value) => one.fits(value) || other.fits(value),
});

export const listOf = (kind: Kind, length?: number): Kind => ({
  words: `a list of ${length === undefined ? '' : `${length}, each `}${kind.words}`,
  fits: (value) => Array.isArray(value) && (length ?? value.length) === value.length && value.every(kind.fits),
});

export const texts: Kind = {
  words: 'an object of strings',
  fits: (value) => isObject(value) && Object.values(value).every(text.fits),
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @param what name for the error
 * @param needed required names
 * @throws Error that describes the problem
 */
export function check(what: string, value: unknown, shape: Record<string, Kind>, needed: readonly string[] = []): void {
  if (!isObject(value)) throw new Error(`${what}: an object is expected`);
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(shape, name)) {
      throw new Error(`${what}: unknown name ${name}; known names: ${Object.keys(shape).join(', ')}`);
    }
    const kind = shape[name] as Kind;
    if (given !== undefined && !kind.fits(given)) {
      throw new Error(`${what}: ${name} must be ${kind.words}, not ${inspect(given, { depth: 1 })}`);
    }
  }
  const missing = needed.find((name) => value[name] === undefined);
  if (missing !== undefined) throw new Error(`${what}: ${missing} is missing`);
}

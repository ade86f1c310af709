/** Shapes of JSON values: each checks a value, naming the place of a mistake, and describes itself as a JSON Schema. */

export type JsonSchema = Record<string, unknown>;

export interface Shape {
  json: JsonSchema;
  /** @throws Mistake */
  check(value: unknown, at: string): void;
}

/** A value that is not what its place needs. */
export class Mistake extends Error {
  /** JSON path: `$.users[0].username`. */
  readonly at: string;

  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

/** A path with one more key. */
export const within = (at: string, key: string): string =>
  /^[A-Za-z_$][\w$]{0,99}$/.test(key) ? `${at}.${key}` : `${at}[${JSON.stringify(key)}]`;

function shape(json: JsonSchema, words: string, fits: (value: unknown) => boolean): Shape {
  return {
    json,
    check(value, at) {
      if (!fits(value)) throw new Mistake(at, `must be ${words}, not ${shown(value)}`);
    },
  };
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

interface TextOptions {
  max?: number;
  /** May be empty. */
  empty?: boolean;
  pattern?: RegExp;
  /** Description of the expected value. */
  words?: string;
}

export function text({ max = 255, empty = false, pattern, words }: TextOptions = {}): Shape {
  const json = {
    type: 'string',
    ...(!empty && { minLength: 1 }),
    maxLength: max,
    ...(pattern !== undefined && { pattern: pattern.source }),
  };
  return shape(
    json,
    words ?? `a string of ${empty ? 0 : 1} to ${max} characters`,
    (value) =>
      typeof value === 'string' &&
      value.length <= max &&
      (empty || value !== '') &&
      (pattern === undefined || pattern.test(value)),
  );
}

export function number({ min = 0, max = 1e15, whole = false } = {}): Shape {
  const json = { type: whole ? 'integer' : 'number', minimum: min, maximum: max };
  return shape(
    json,
    `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`,
    (value) => typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value)),
  );
}

export const whole = (limits: { min?: number; max?: number } = {}): Shape => number({ ...limits, whole: true });

export const flag: Shape = shape({ type: 'boolean' }, 'true or false', (value) => typeof value === 'boolean');

export const oneOf = (values: readonly (string | number)[]): Shape =>
  shape({ enum: values }, `one of ${values.join(', ')}`, (value) => values.includes(value as string));

/** A moment as Salesforce and JavaScript write it. */
export const time: Shape = shape(
  { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT', maxLength: 40 },
  'a time such as 2026-11-30T20:00:00Z',
  (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)),
);

export function listOf(item: Shape, { min = 0, max = 1_000 } = {}): Shape {
  return {
    json: { type: 'array', items: item.json, ...(min > 0 && { minItems: min }), maxItems: max },
    check(value, at) {
      if (!Array.isArray(value)) throw new Mistake(at, `must be a list, not ${shown(value)}`);
      if (value.length < min || value.length > max) {
        throw new Mistake(at, `must have ${min} to ${max} entries, not ${value.length}`);
      }
      for (const [i, entry] of value.entries()) item.check(entry, `${at}[${i}]`);
    },
  };
}

/** An object with any names, up to a number of them. */
export function mapOf(value: Shape, { max = 1_000 } = {}): Shape {
  return {
    json: { type: 'object', additionalProperties: value.json, maxProperties: max },
    check(given, at) {
      const entries = Object.entries(asObject(given, at));
      if (entries.length > max) throw new Mistake(at, `must have at most ${max} names, not ${entries.length}`);
      for (const [name, entry] of entries) value.check(entry, within(at, name));
    },
  };
}

/** The first whose JSON type matches decides about the value, so that its message is about the right one. */
export function either(...shapes: readonly [Shape, ...Shape[]]): Shape {
  return {
    json: { anyOf: shapes.map(({ json }) => json) },
    check(value, at) {
      const fitting = shapes.find(({ json }) => json['type'] === jsonType(value)) ?? shapes[0];
      fitting.check(value, at);
    },
  };
}

function jsonType(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

type Members<T> = { readonly [Name in keyof Required<T>]: Shape };

export interface ObjectShape extends Shape {
  members: Readonly<Record<string, Shape>>;
}

/** Unknown names are mistakes. */
export function objectOf<T>(members: Members<T>, needed: readonly (keyof T & string)[] = []): ObjectShape {
  const shapes = members as Readonly<Record<string, Shape>>;
  return {
    members: shapes,
    json: {
      type: 'object',
      properties: Object.fromEntries(Object.entries(shapes).map(([name, { json }]) => [name, json])),
      ...(needed.length > 0 && { required: needed }),
      additionalProperties: false,
    },
    check(value, at) {
      const given = asObject(value, at);
      for (const [name, entry] of Object.entries(given)) {
        const member = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
        if (member === undefined) {
          throw new Mistake(within(at, name), `unknown name; known names: ${Object.keys(shapes).join(', ')}`);
        }
        member.check(entry, within(at, name));
      }
      const missing = needed.find((name) => !Object.hasOwn(given, name));
      if (missing !== undefined) throw new Mistake(within(at, missing), 'is missing');
    },
  };
}

/** Adds a text for readers of the schema. */
export function about<T extends Shape>(description: string, of: T): T {
  return { ...of, json: { ...of.json, description } };
}

export function asObject(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Mistake(at, `must be an object, not ${shown(value)}`);
}

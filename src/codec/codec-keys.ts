/**
 * Reads the keys that encrypt payloads (`NIGHTLOAD_CODEC_KEYS`): JSON, or a file with it. The keys themselves are in
 * variables or files that it refers to. No error message repeats a value.
 */
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { readPrivately, secretsMode } from '../runtime/private-file.js';

export interface CodecKeys {
  /** This key encrypts; all keys decrypt. */
  active: string;
  keys: ReadonlyMap<string, KeyObject>;
  /** How to treat a payload that is not encrypted. */
  plaintext: 'read' | 'refuse';
}

type Environment = Readonly<Record<string, string | undefined>>;

const KEY_BYTES = 32;
const MAX_KEYS = 100;
export const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;
const REFERENCE = /^(env|file):([^\r\n]{1,4096})$/u;

const SETTINGS = z.strictObject({
  active: z.string().regex(KEY_ID),
  keys: z.record(z.string().regex(KEY_ID), z.string().regex(REFERENCE)),
  plaintext: z.enum(['read', 'refuse']).optional(),
});

const WORDS: Record<string, string> = {
  active: 'must be the id of the key that encrypts',
  keys: 'must be an object that maps key ids (letters, digits, ".", "_" and "-") to references: "env:NAME" or "file:PATH", never the key itself',
  plaintext: 'must be "read" or "refuse"',
};

/**
 * @returns undefined if no keys are set: then nothing is encrypted
 * @throws NightloadError `CODEC_KEYS_INVALID`, `SECRETS_READABLE`
 */
export function codecKeysFrom(env: Environment): CodecKeys | undefined {
  const read = readSettings(env);
  if (read === undefined) return undefined;
  const { settings, folder } = read;
  const keys = new Map<string, KeyObject>();
  for (const [id, reference] of Object.entries(settings.keys)) {
    keys.set(id, keyOf(id, textOf(id, reference, env, folder)));
  }
  const { active, plaintext = 'read' } = settings;
  if (!keys.has(active)) {
    throw invalid(
      `the active key "${active}" is not among the keys (${[...keys.keys()].join(', ') || 'there are none'})`,
    );
  }
  refuseTwins(keys);
  return { active, keys, plaintext };
}

/**
 * The files of the settings and of the keys: loads may not name them.
 * @throws NightloadError `CODEC_KEYS_INVALID`, `SECRETS_READABLE`
 */
export function codecKeyFiles(env: Environment): string[] {
  const read = readSettings(env);
  if (read === undefined) return [];
  const { settings, folder, path } = read;
  const files = Object.values(settings.keys).flatMap((reference) => {
    const [, kind, target = ''] = REFERENCE.exec(reference) ?? [];
    return kind === 'file' ? [resolve(folder, target)] : [];
  });
  return path === undefined ? files : [path, ...files];
}

/** Relative paths start at the folder of the file, or at the working directory. */
interface ReadSettings {
  settings: z.infer<typeof SETTINGS>;
  folder: string;
  path?: string;
}

function readSettings(env: Environment): ReadSettings | undefined {
  const given = env['NIGHTLOAD_CODEC_KEYS']?.trim() ?? '';
  if (given === '') return undefined;
  if (given.startsWith('{')) return { settings: parse(given), folder: process.cwd() };
  const path = resolve(given);
  return { settings: parse(readFrom(path, env, 'names a file that')), folder: dirname(path), path };
}

function parse(text: string): z.infer<typeof SETTINGS> {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/u, ''));
  } catch {
    // The parser's message repeats the text around the error.
    throw invalid('it is not valid JSON');
  }
  const parsed = SETTINGS.safeParse(value);
  if (!parsed.success) throw invalid(troublesOf(parsed.error).join('; '));
  if (Object.keys(parsed.data.keys).length > MAX_KEYS) throw invalid(`it has more than ${MAX_KEYS} keys`);
  return parsed.data;
}

/** Shows a key's name only if it has the form of an id: name and value may have been swapped. */
function troublesOf({ issues }: z.ZodError): string[] {
  const troubles = issues.slice(0, 5).map(({ path, code }) => {
    const [part, id] = path;
    if (code === 'unrecognized_keys') return 'it has a key other than "active", "keys" and "plaintext"';
    const name = typeof part === 'string' ? part : '';
    if (WORDS[name] === undefined) return 'it must be an object with "active" and "keys"';
    const shown = typeof id === 'string' && KEY_ID.test(id) && id.length <= 20 ? `"keys.${id}"` : `"${name}"`;
    return `${shown} ${WORDS[name]}`;
  });
  return [...new Set(troubles)];
}

function textOf(id: string, reference: string, env: Environment, folder: string): string {
  const [, kind, target = ''] = REFERENCE.exec(reference) ?? [];
  if (kind === 'file') return readFrom(resolve(folder, target), env, `"keys.${id}" refers to a file that`).trim();
  if (!/^[A-Za-z_]\w*$/.test(target))
    throw invalid(`"keys.${id}" refers to no environment variable. Add its name after "env:"`);
  const value = env[target]?.trim() ?? '';
  if (value === '') throw invalid(`"keys.${id}" refers to the environment variable ${target}, which is not set`);
  return value;
}

function keyOf(id: string, text: string): KeyObject {
  const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  if (bytes?.length !== KEY_BYTES) {
    const found = bytes === undefined ? 'it is not base64' : `it has ${bytes.length} bytes`;
    throw invalid(
      `the key "${id}" must be ${KEY_BYTES} random bytes in base64, and ${found}. Create one: openssl rand -base64 ${KEY_BYTES}`,
    );
  }
  if (bytes.every((byte) => byte === bytes[0]))
    throw invalid(`the key "${id}" is not random. Create one: openssl rand -base64 ${KEY_BYTES}`);
  return createSecretKey(bytes);
}

/** The same bytes under two ids: a rotation without effect. */
function refuseTwins(keys: ReadonlyMap<string, KeyObject>): void {
  const entries = [...keys];
  for (const [i, [id, key]] of entries.entries()) {
    const twin = entries.slice(i + 1).find(([, other]) => other.equals(key));
    if (twin !== undefined) throw invalid(`the keys "${id}" and "${twin[0]}" are the same`);
  }
}

function readFrom(path: string, env: Environment, what: string): string {
  const mode = secretsMode(env);
  try {
    return readPrivately(path, mode);
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw invalid(`it ${what} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, error);
  }
}

function invalid(trouble: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'CODEC_KEYS_INVALID',
    `NIGHTLOAD_CODEC_KEYS: ${trouble}. Expected: {"active": "k2", "keys": {"k1": "file:/run/secrets/k1", "k2": "env:K2"}}, or the path of a file with that content.`,
    { cause },
  );
}

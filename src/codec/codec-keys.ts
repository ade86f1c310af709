/**
 * Reads the keys with which payloads are encrypted (`NIGHTLOAD_CODEC_KEYS`): JSON, or a file with it. The keys
 * themselves stand elsewhere, in variables or files that it refers to. Nothing here repeats a value in a message.
 */
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { NightloadError } from '../errors.js';

export interface CodecKeys {
  /** Encrypts; all of them decrypt. */
  active: string;
  keys: ReadonlyMap<string, KeyObject>;
  /** What is done with a payload that is not encrypted. */
  plaintext: 'read' | 'refuse';
}

type Environment = Readonly<Record<string, string | undefined>>;

const KEY_BYTES = 32;
/** Longer ones are no settings and no keys. */
const MAX_FILE_BYTES = 64_000;
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
  keys: 'must be an object: an id of letters, digits, ".", "_" and "-" for each key, and where the key is: "env:NAME" or "file:PATH", never the key itself',
  plaintext: 'must be "read" or "refuse"',
};

/**
 * @returns undefined where no keys are set: then nothing is encrypted
 * @throws NightloadError `CODEC_KEYS_INVALID`
 */
export function codecKeysFrom(env: Environment): CodecKeys | undefined {
  const given = env['NIGHTLOAD_CODEC_KEYS']?.trim() ?? '';
  if (given === '') return undefined;
  const inline = given.startsWith('{');
  const folder = inline ? process.cwd() : dirname(resolve(given));
  const settings = parse(inline ? given : readText(resolve(given), 'names a file that'));
  const keys = new Map<string, KeyObject>();
  for (const [id, reference] of Object.entries(settings.keys)) {
    keys.set(id, keyOf(id, textOf(id, reference, env, folder)));
  }
  const { active, plaintext = 'read' } = settings;
  if (!keys.has(active)) {
    throw invalid(
      `the active key "${active}" is not among the keys (${[...keys.keys()].join(', ') || 'there is none'})`,
    );
  }
  refuseTwins(keys);
  return { active, keys, plaintext };
}

function parse(text: string): z.infer<typeof SETTINGS> {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/u, ''));
  } catch {
    // The parser's message repeats what stands around the place.
    throw invalid('it is no JSON');
  }
  const parsed = SETTINGS.safeParse(value);
  if (!parsed.success) throw invalid(troublesOf(parsed.error).join('; '));
  if (Object.keys(parsed.data.keys).length > MAX_KEYS) throw invalid(`it has more than ${MAX_KEYS} keys`);
  return parsed.data;
}

/** Names of keys are shown only where they have the form of an id: somebody may have swapped name and value. */
function troublesOf({ issues }: z.ZodError): string[] {
  const troubles = issues.slice(0, 5).map(({ path, code }) => {
    const [part, id] = path;
    if (code === 'unrecognized_keys') return 'it has a key beside "active", "keys" and "plaintext"';
    const name = typeof part === 'string' ? part : '';
    if (WORDS[name] === undefined) return 'it must be an object with "active" and "keys"';
    const shown = typeof id === 'string' && KEY_ID.test(id) && id.length <= 20 ? `"keys.${id}"` : `"${name}"`;
    return `${shown} ${WORDS[name]}`;
  });
  return [...new Set(troubles)];
}

function textOf(id: string, reference: string, env: Environment, folder: string): string {
  const [, kind, target = ''] = REFERENCE.exec(reference) ?? [];
  if (kind === 'file') return readText(resolve(folder, target), `"keys.${id}" refers to a file that`).trim();
  if (!/^[A-Za-z_]\w*$/.test(target))
    throw invalid(`"keys.${id}" refers to no environment variable. Write its name after "env:"`);
  const value = env[target]?.trim() ?? '';
  if (value === '') throw invalid(`"keys.${id}" refers to the environment variable ${target}, which is not set`);
  return value;
}

function keyOf(id: string, text: string): KeyObject {
  const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  if (bytes?.length !== KEY_BYTES) {
    const found = bytes === undefined ? 'it is no base64' : `it has ${bytes.length} bytes`;
    throw invalid(
      `the key "${id}" must be ${KEY_BYTES} random bytes in base64, and ${found}. Make one: openssl rand -base64 ${KEY_BYTES}`,
    );
  }
  if (bytes.every((byte) => byte === bytes[0]))
    throw invalid(`the key "${id}" is not random. Make one: openssl rand -base64 ${KEY_BYTES}`);
  return createSecretKey(bytes);
}

/** The same bytes under two ids: a rotation that rotates nothing. */
function refuseTwins(keys: ReadonlyMap<string, KeyObject>): void {
  const entries = [...keys];
  for (const [i, [id, key]] of entries.entries()) {
    const twin = entries.slice(i + 1).find(([, other]) => other.equals(key));
    if (twin !== undefined) throw invalid(`the keys "${id}" and "${twin[0]}" are the same`);
  }
}

function readText(path: string, what: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (!fstatSync(file).isFile()) throw Object.assign(new Error('no file'), { code: 'no plain file' });
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    const length = readSync(file, bytes);
    if (length > MAX_FILE_BYTES) throw Object.assign(new Error('too long'), { code: 'too long' });
    return bytes.toString('utf8', 0, length);
  } catch (error) {
    throw invalid(`it ${what} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function invalid(trouble: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'CODEC_KEYS_INVALID',
    `NIGHTLOAD_CODEC_KEYS: ${trouble}. It is {"active": "k2", "keys": {"k1": "file:/run/secrets/k1", "k2": "env:K2"}}, or the path of a file with that.`,
    { cause },
  );
}

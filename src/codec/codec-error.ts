/** What can be wrong with an encrypted payload, in words for people. No message repeats a key or a payload. */
import { NightloadError } from '../errors.js';

export class CodecError extends NightloadError {}

/** @param keyId as it was read: it is checked before */
export function keyMissing(keyId: string, own: readonly string[]): CodecError {
  const has = own.length === 0 ? 'no keys at all' : `only ${own.map((id) => `"${id}"`).join(', ')}`;
  return new CodecError(
    'CODEC_KEY_MISSING',
    `This was encrypted with the key "${keyId}", and this process has ${has}. ` +
      'Add that key to NIGHTLOAD_CODEC_KEYS, for workers, commands and programs alike, and start it again.',
  );
}

/** A payload that no process with these keys will ever read. */
export function damaged(what: string, cause?: unknown): CodecError {
  return new CodecError(
    'CODEC_PAYLOAD_DAMAGED',
    `An encrypted payload cannot be read: ${what}. Give every process the same key under the same id.`,
    { cause },
  );
}

/** A client without nightload's codec meets something encrypted: Temporal's converter names the encoding only. */
const UNKNOWN_ENCODING = /^Unknown encoding: ([\w/.-]{1,60})$/;

/** The same error; what a client without a codec says of an encrypted payload in nightload's words. */
export function asCodecError(error: unknown): unknown {
  const encoding = error instanceof Error ? UNKNOWN_ENCODING.exec(error.message)?.[1] : undefined;
  if (encoding === undefined) return error;
  return new CodecError(
    'CODEC_KEY_MISSING',
    `This was encoded as ${encoding}, and this process has no codec for that. Set NIGHTLOAD_CODEC_KEYS to the keys of whoever started the load; ` +
      'in a program of your own: new Client({ connection, dataConverter: dataConverterFromEnvironment() }).',
    { cause: error },
  );
}

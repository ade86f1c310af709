/** Errors of encrypted payloads. No message repeats a key or a payload. */
import { NightloadError } from '../errors.js';

export class CodecError extends NightloadError {}

/** @param keyId as read: it is validated first */
export function keyMissing(keyId: string, own: readonly string[]): CodecError {
  const has = own.length === 0 ? 'no keys' : `only ${own.map((id) => `"${id}"`).join(', ')}`;
  return new CodecError(
    'CODEC_KEY_MISSING',
    `This was encrypted with the key "${keyId}", and this process has ${has}. ` +
      'Add that key to NIGHTLOAD_CODEC_KEYS for all workers, commands and programs, and restart it.',
  );
}

/** A payload that no process with these keys can ever read. */
export function damaged(what: string, cause?: unknown): CodecError {
  return new CodecError(
    'CODEC_PAYLOAD_DAMAGED',
    `An encrypted payload cannot be read: ${what}. Give every process the same key under the same id.`,
    { cause },
  );
}

/** A client without nightload's codec reads an encrypted payload: Temporal's converter names only the encoding. */
const UNKNOWN_ENCODING = /^Unknown encoding: ([\w/.-]{1,60})$/;

/** The same error, but with nightload's text for a client without a codec that reads an encrypted payload. */
export function asCodecError(error: unknown): unknown {
  const encoding = error instanceof Error ? UNKNOWN_ENCODING.exec(error.message)?.[1] : undefined;
  if (encoding === undefined) return error;
  return new CodecError(
    'CODEC_KEY_MISSING',
    `This was encoded as ${encoding}, and this process has no codec for it. Set NIGHTLOAD_CODEC_KEYS to the keys of the client that started the load; ` +
      'in your own program: new Client({ connection, dataConverter: dataConverterFromEnvironment() }).',
    { cause: error },
  );
}

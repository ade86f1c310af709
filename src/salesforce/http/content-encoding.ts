/** Decodes compressed replies: they are requested uncompressed, but proxies compress them all the same. */
import { pipeline } from 'node:stream';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

const DECODERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** Two are a mistake; more are an attack. */
const MAX_ENCODINGS = 2;

function encodings(header: string | string[] | undefined): string[] {
  return String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
}

/** Whether the length and the bytes on the wire differ from those of the content. */
export function isEncoded(header: string | string[] | undefined): boolean {
  return encodings(header).length > 0;
}

/**
 * The decoded content of a reply's body. Fails when the body fails or ends too early; destroying it destroys the body.
 * `undefined` for an unknown encoding, or for too many of them. Unpacking goes no faster than the content is read, so
 * reading a bounded part unpacks no more.
 */
export function decoded(body: Readable, header: string | string[] | undefined): Readable | undefined {
  const names = encodings(header);
  if (names.length > MAX_ENCODINGS) return undefined;
  const decoders = names.map((name) => DECODERS.get(name));
  if (!decoders.every((decoder) => decoder !== undefined)) return undefined;
  // The encoding named last was applied last. The reader of the content handles errors.
  return decoders.reduceRight((content, decoder) => pipeline(content, decoder(), () => undefined), body);
}

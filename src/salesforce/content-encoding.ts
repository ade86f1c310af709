/** Replies are asked for uncompressed, but proxies compress them all the same: counted as they are, they are no CSV. */
import { pipeline } from 'node:stream';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

const DECODERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** Somebody who packs twice has made a mistake; who packs more often means harm. */
const MAX_ENCODINGS = 2;

function encodings(header: string | string[] | undefined): string[] {
  return String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
}

/** Whether the length and the bytes on the wire are not those of the content. */
export function isEncoded(header: string | string[] | undefined): boolean {
  return encodings(header).length > 0;
}

/**
 * The content of a reply's body. It fails when the body does, and when the body ends too early; destroying it destroys
 * the body. `undefined` for an encoding that is not known, and for too many of them. Unpacking
 * goes no faster than the content is read: who reads a bounded part of it unpacks no more.
 */
export function decoded(body: Readable, header: string | string[] | undefined): Readable | undefined {
  const names = encodings(header);
  if (names.length > MAX_ENCODINGS) return undefined;
  const decoders = names.map((name) => DECODERS.get(name));
  if (!decoders.every((decoder) => decoder !== undefined)) return undefined;
  // The one named last was applied last. Errors are for whoever reads the content.
  return decoders.reduceRight((content, decoder) => pipeline(content, decoder(), () => undefined), body);
}

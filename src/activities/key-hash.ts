/**
 * Keys as 128 bits: MurmurHash3 (x86, 128 bits) over the UTF-16 code units of a text, so that a key takes the same room
 * whatever its length and no text of it is kept.
 *
 * Two keys of the same length and at most eight characters never share a hash; of others, five million wanted ones
 * compared with 150 million rows have two that do with a chance of 2 in 10^24. A seed of its own for each table keeps
 * even that from happening again in the next attempt.
 */

export const LANES = 4;

/** Fills `lanes` with the hash of a key. */
export type KeyHash = (key: string, lanes: Int32Array) => void;

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

export function keyHash(seed: number): KeyHash {
  return (key, lanes) => hash(key, seed, lanes);
}

function hash(key: string, seed: number, lanes: Int32Array): void {
  let h1 = seed | 0;
  let h2 = h1;
  let h3 = h1;
  let h4 = h1;
  const length = key.length;
  const blocks = length & ~7;
  for (let at = 0; at < blocks; at += 8) {
    h1 ^= scramble(pair(key, at), C1, 15, C2);
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= scramble(pair(key, at + 2), C2, 16, C3);
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= scramble(pair(key, at + 4), C3, 17, C4);
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= scramble(pair(key, at + 6), C4, 18, C1);
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  const rest = length - blocks;
  if (rest > 6) h4 ^= scramble(pair(key, blocks + 6), C4, 18, C1);
  if (rest > 4) h3 ^= scramble(pair(key, blocks + 4), C3, 17, C4);
  if (rest > 2) h2 ^= scramble(pair(key, blocks + 2), C2, 16, C3);
  if (rest > 0) h1 ^= scramble(pair(key, blocks), C1, 15, C2);

  const bytes = length * 2;
  h2 ^= bytes;
  h3 ^= bytes;
  h4 ^= bytes;
  h1 = ((h1 ^ bytes) + h2 + h3 + h4) | 0;
  h2 = finish(h2 + h1);
  h3 = finish(h3 + h1);
  h4 = finish(h4 + h1);
  h1 = (finish(h1) + h2 + h3 + h4) | 0;
  lanes[0] = h1;
  lanes[1] = h2 + h1;
  lanes[2] = h3 + h1;
  lanes[3] = h4 + h1;
}

/** Two code units; past the end of the text there are zeros. */
function pair(key: string, at: number): number {
  return key.charCodeAt(at) | (at + 1 < key.length ? key.charCodeAt(at + 1) << 16 : 0);
}

function scramble(value: number, first: number, bits: number, second: number): number {
  return Math.imul(rotate(Math.imul(value, first), bits), second);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/**
 * Keys as 128 bits, so that every key takes the same space and its text is not kept: SipHash-2-4 with 128 bits over the
 * UTF-16 code units of a text, low byte first.
 *
 * Keys with the same hash count as one key, and the author of a file chooses its keys. So the hash depends on a secret,
 * without which nobody can find two such keys. By chance, five million wanted keys compared with 150 million rows contain
 * such a pair with a chance of 2 in 10^24; another secret for each table keeps even that from recurring in the next
 * attempt.
 *
 * Its words of 64 bits are two halves here: a BigInt for each would be far slower.
 */
import { randomBytes } from 'node:crypto';

export const LANES = 4;

/** Fills `lanes` with the hash of a key. */
export type KeyHash = (key: string, lanes: Int32Array) => void;

export const SECRET_BYTES = 16;
/** How often the state is mixed after each four code units, and for each half of the hash. */
const ROUNDS = 2;
const LAST_ROUNDS = 4;

/** @param secret 16 bytes, for tests; else random ones, which nothing else has and nothing shows */
export function keyHash(secret: Uint8Array = randomBytes(SECRET_BYTES)): KeyHash {
  const view = new DataView(secret.buffer, secret.byteOffset, SECRET_BYTES);
  const k0 = view.getInt32(0, true);
  const k0High = view.getInt32(4, true);
  const k1 = view.getInt32(8, true);
  const k1High = view.getInt32(12, true);
  return (key, lanes) => {
    let v0 = k0 ^ 0x70736575;
    let v0High = k0High ^ 0x736f6d65;
    let v1 = k1 ^ 0x6e646f6d ^ 0xee;
    let v1High = k1High ^ 0x646f7261;
    let v2 = k0 ^ 0x6e657261;
    let v2High = k0High ^ 0x6c796765;
    let v3 = k1 ^ 0x79746573;
    let v3High = k1High ^ 0x74656462;
    const { length } = key;
    const tail = length & ~3;
    // Four code units at a time, then those that are left and the length, then the two halves of the hash.
    for (let at = 0; at <= tail + 8; at += 4) {
      let word = 0;
      let wordHigh = 0;
      let rounds = ROUNDS;
      if (at < tail) {
        word = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16);
        wordHigh = key.charCodeAt(at + 2) | (key.charCodeAt(at + 3) << 16);
      } else if (at === tail) {
        if (at < length) word = key.charCodeAt(at);
        if (at + 1 < length) word |= key.charCodeAt(at + 1) << 16;
        if (at + 2 < length) wordHigh = key.charCodeAt(at + 2);
        // The highest byte: the length in bytes.
        wordHigh |= length << 25;
      } else {
        rounds = LAST_ROUNDS;
        if (at === tail + 4) v2 ^= 0xee;
        else {
          lanes[0] = v0 ^ v1 ^ v2 ^ v3;
          lanes[1] = v0High ^ v1High ^ v2High ^ v3High;
          v1 ^= 0xdd;
        }
      }
      v3 ^= word;
      v3High ^= wordHigh;
      for (; rounds > 0; rounds--) {
        let low = v1;
        v0 = (v0 + v1) | 0;
        v0High = (v0High + v1High + carry(v0, v1)) | 0;
        v1 = ((v1 << 13) | (v1High >>> 19)) ^ v0;
        v1High = ((v1High << 13) | (low >>> 19)) ^ v0High;
        low = v0;
        v0 = v0High;
        v0High = low;

        low = v3;
        v2 = (v2 + v3) | 0;
        v2High = (v2High + v3High + carry(v2, v3)) | 0;
        v3 = ((v3 << 16) | (v3High >>> 16)) ^ v2;
        v3High = ((v3High << 16) | (low >>> 16)) ^ v2High;

        low = v3;
        v0 = (v0 + v3) | 0;
        v0High = (v0High + v3High + carry(v0, v3)) | 0;
        v3 = ((v3 << 21) | (v3High >>> 11)) ^ v0;
        v3High = ((v3High << 21) | (low >>> 11)) ^ v0High;

        low = v1;
        v2 = (v2 + v1) | 0;
        v2High = (v2High + v1High + carry(v2, v1)) | 0;
        v1 = ((v1 << 17) | (v1High >>> 15)) ^ v2;
        v1High = ((v1High << 17) | (low >>> 15)) ^ v2High;
        low = v2;
        v2 = v2High;
        v2High = low;
      }
      v0 ^= word;
      v0High ^= wordHigh;
    }
    lanes[2] = v0 ^ v1 ^ v2 ^ v3;
    lanes[3] = v0High ^ v1High ^ v2High ^ v3High;
  };
}

/** Of 32 bits, to be added to the higher half. Not a choice of 1 or 0: mispredicted branches would triple the time. */
function carry(sum: number, added: number): number {
  return Number(sum >>> 0 < added >>> 0);
}

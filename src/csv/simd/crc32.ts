/** CRC-32 of many bytes, three times as fast as that of Node 20. */
import { crc32 as plainCrc32 } from 'node:zlib';
import { freeInstance, WINDOW } from './instance.js';

/** Bytes that `fold` leaves, and their address. */
const LEFT = 1_200;
const LEFT_AT = 1_024;
/** Distances by which `fold` moves each byte; the last one is beyond what is left. */
const MOVES = [580, 732, 844];
/** Fewer bytes are not worth the effort. */
const WORTH_FOLDING = 16_384;

/** @param value the checksum of the bytes before */
export function crc32(bytes: Uint8Array, value = 0): number {
  const instance = bytes.length < WORTH_FOLDING ? undefined : freeInstance(bytes);
  if (instance === undefined) return plainCrc32(bytes, value);
  const left = instance.bytes.subarray(LEFT_AT, LEFT_AT + LEFT);
  left.fill(0);
  // The checksum so far is added to the first bytes: these become the first ones that are moved.
  new DataView(left.buffer, LEFT_AT).setInt32(0, ~value, true);
  const whole = bytes.length - (bytes.length % 64);
  for (let at = 0; at < whole; at += WINDOW) {
    const from = instance.place(bytes.subarray(at, Math.min(at + WINDOW, whole)));
    instance.exports.fold(from, from + Math.min(WINDOW, whole - at));
  }
  // What the last bytes got from each other is taken back, because these are not moved.
  const last = Uint8Array.from(left);
  for (const move of MOVES) for (let at = move; at < LEFT; at++) (last[at] as number) ^= left[at - move] as number;
  return plainCrc32(bytes.subarray(whole), plainCrc32(last, 0xffff_ffff));
}

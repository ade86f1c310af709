/**
 * Files of frames: the length of each, its checksum, its entries. A process that dies while it writes leaves a
 * last frame that does not fit its checksum; it is ignored, with all of its entries.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Length and checksum. */
const HEAD = 8;
const MAX_FRAME = 1 << 30;
const READ = 1 << 22;

export interface RecordEntry {
  table: number;
  n: number;
  state: number;
  packed: string;
}

export type Entry = { record: RecordEntry } | { meta: Record<string, unknown> };

const [RECORD, META] = [1, 2];

/** Entries of a frame that is being made. */
export class FrameMaker {
  #parts: Buffer[] = [];
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get size(): number {
    return this.#size;
  }

  record({ table, n, state, packed }: RecordEntry): void {
    const length = Buffer.byteLength(packed);
    const bytes = Buffer.allocUnsafe(12 + length);
    bytes.writeUInt8(RECORD, 0);
    bytes.writeUInt32LE(7 + length, 1);
    bytes.writeUInt16LE(table, 5);
    bytes.writeUInt32LE(n, 7);
    bytes.writeUInt8(state, 11);
    bytes.write(packed, 12);
    this.#add(bytes);
  }

  meta(meta: Record<string, unknown>): void {
    const text = Buffer.from(JSON.stringify(meta));
    const head = Buffer.allocUnsafe(5);
    head.writeUInt8(META, 0);
    head.writeUInt32LE(text.length, 1);
    this.#add(head);
    this.#add(text);
  }

  #add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#size += bytes.length;
  }

  /** The frame; the next one begins empty. */
  take(): Buffer {
    const head = Buffer.allocUnsafe(HEAD);
    const payload = Buffer.concat(this.#parts);
    head.writeUInt32LE(payload.length, 0);
    head.writeUInt32LE(crc32(payload), 4);
    this.#parts = [];
    this.#size = 0;
    return Buffer.concat([head, payload]);
  }
}

/** The entries of a file, up to its first incomplete frame. */
export async function* entriesOf(path: string): AsyncGenerator<Entry> {
  const file = await open(path);
  try {
    let rest = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ);
      const { bytesRead } = await file.read(chunk, 0, READ, null);
      if (bytesRead === 0) return;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let at = 0;
      while (rest.length - at >= HEAD) {
        const length = rest.readUInt32LE(at);
        if (length > MAX_FRAME) return;
        if (rest.length - at < HEAD + length) break;
        const payload = rest.subarray(at + HEAD, at + HEAD + length);
        if (crc32(payload) !== rest.readUInt32LE(at + 4)) return;
        yield* entriesIn(payload);
        at += HEAD + length;
      }
      rest = rest.subarray(at);
    }
  } finally {
    await file.close();
  }
}

function* entriesIn(payload: Buffer): Generator<Entry> {
  for (let at = 0; at < payload.length;) {
    const length = payload.readUInt32LE(at + 1);
    const start = at + 5;
    if (payload.readUInt8(at) === META) {
      yield { meta: JSON.parse(payload.toString('utf8', start, start + length)) as Record<string, unknown> };
    } else {
      const packed = payload.toString('utf8', start + 7, start + length);
      const table = payload.readUInt16LE(start);
      yield { record: { table, n: payload.readUInt32LE(start + 2), state: payload.readUInt8(start + 6), packed } };
    }
    at = start + length;
  }
}

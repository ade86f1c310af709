/** Memory that WebAssembly code can use too: bytes that are read into it are scanned for records without a copy. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

// Node's types lack it, and browser types do not fit this program.
declare const WebAssembly: { Memory: new (size: { initial: number }) => WasmMemory };

/** Bytes at the beginning of each memory for the code's own use. */
export const OWN_BYTES = 540_800;
const PAGE = 65_536;
/** Bytes of a buffer. A read has a fixed cost: with half of it, a count takes a tenth more processor time. */
const READ_SIZE = 2 * 1024 * 1024;
/** Kept for the next reader. */
const MAX_IDLE = 2;

const memories = new WeakMap<ArrayBufferLike, WasmMemory>();

/** @param bytes after {@link OWN_BYTES} */
export function createMemory(bytes: number): WasmMemory {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((OWN_BYTES + bytes) / PAGE) });
  memories.set(memory.buffer, memory);
  return memory;
}

/** The memory that contains these bytes, if there is one. */
export function memoryOf(bytes: Uint8Array): WasmMemory | undefined {
  return memories.get(bytes.buffer);
}

/** Two buffers, to be filled in turn. */
export type ReadBuffers = readonly [Buffer, Buffer];

const idle: ReadBuffers[] = [];

export function takeReadBuffers(): ReadBuffers {
  const used = idle.pop();
  if (used !== undefined) return used;
  return createReadBuffers(0).buffers;
}

/** Two buffers in a memory of their own, and the address of more bytes after them, a multiple of 16. */
export function createReadBuffers(bytes: number): { memory: WasmMemory; buffers: ReadBuffers; rest: number } {
  const memory = createMemory(2 * READ_SIZE + bytes);
  const { buffer } = memory;
  const buffers: ReadBuffers = [
    Buffer.from(buffer, OWN_BYTES, READ_SIZE),
    Buffer.from(buffer, OWN_BYTES + READ_SIZE, READ_SIZE),
  ];
  return { memory, buffers, rest: OWN_BYTES + 2 * READ_SIZE };
}

/** Call when nothing reads or writes them any more: the next reader gets them. */
export function returnReadBuffers(buffers: ReadBuffers): void {
  if (idle.length < MAX_IDLE) idle.push(buffers);
}

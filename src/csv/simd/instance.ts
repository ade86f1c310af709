/** The WebAssembly module (scripts/wasm/marks.wat), once for each memory that it works in. */
import { createMemory, memoryOf, OWN_BYTES } from '../../runtime/wasm-memory.js';
import type { WasmMemory } from '../../runtime/wasm-memory.js';
import { WASM } from './simd-scan-wasm.js';

/** Maximum bytes of a scan, and of a copy. */
export const WINDOW = 65_536;
/** Where the module lists its results. */
const OUTPUT = 16_384;

export type Scan = (from: number, to: number, delimiter: number, width: number, short: number) => number;

interface Exports {
  scanPlain: Scan;
  scanQuoted: Scan;
  scanAny: Scan;
  checkPlain: Scan;
  checkQuoted: Scan;
  checkAny: Scan;
  fold(from: number, to: number): void;
}

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
};

export class WasmInstance {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** For each line feed outside of quotes in the last scan: the address after it. */
  readonly lineEnds: Uint32Array;
  readonly exports: Exports;
  /** Its state and its results belong to one scan: a scan in the callback of another must do without it. */
  isTaken = false;

  constructor(module: object, memory: WasmMemory) {
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer, 0, OUTPUT / 4);
    this.lineEnds = new Uint32Array(memory.buffer, OUTPUT, WINDOW);
    this.exports = new WebAssembly.Instance(module, { scan: { memory } }).exports as Exports;
  }

  /** The address of a window; bytes from other memory are copied. */
  place(window: Uint8Array): number {
    if (window.buffer === this.bytes.buffer) return window.byteOffset;
    this.bytes.set(window, OWN_BYTES);
    return OWN_BYTES;
  }
}

let compiled: object | undefined;
const instances = new WeakMap<WasmMemory, WasmInstance>();
let copies: WasmMemory | undefined;

/** The instance for these bytes, unless it is taken. */
export function freeInstance(bytes: Uint8Array): WasmInstance | undefined {
  const memory = memoryOf(bytes) ?? (copies ??= createMemory(WINDOW));
  let instance = instances.get(memory);
  if (instance === undefined) {
    compiled ??= new WebAssembly.Module(Buffer.from(WASM, 'base64'));
    instances.set(memory, (instance = new WasmInstance(compiled, memory)));
  }
  return instance.isTaken ? undefined : instance;
}

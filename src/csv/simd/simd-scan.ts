/**
 * Finds line ends outside of quotes with SIMD instructions, 64 bytes at a time (WebAssembly, scripts/wasm/marks.wat).
 * It stops at a misplaced quote; from there the scanner must apply the rules byte by byte.
 */
import { WASM } from './simd-scan-wasm.js';

export const LF = 0x0a;
export const CR = 0x0d;
export const QUOTE = 0x22;
/** Bytes processed together; only whole blocks can be scanned. */
export const BLOCK = 64;
/** Smaller chunks are faster byte by byte. */
export const WORTH_BLOCKS = 4 * BLOCK;
/** Bytes to process byte by byte around a misplaced quote. */
export const STRETCH = 8 * BLOCK;
/** Maximum bytes of the input. */
export const WINDOW = 65_536;

const INPUT = 128;
const OUTPUT = INPUT + WINDOW;
/** Indexes of the state; the head of marks.wat explains them. */
const IN_QUOTES = 0;
const CLOSED = 1;
const BORDERS = 2;
const START = 3;
const BREAKS = 4;
const LINES = 5;
const RAGGED_LINE = 6;
const RAGGED_CELLS = 7;
/** A record that began this far back is not a blank line, wherever it began. */
const FAR_BACK = -1_000;

/** State of a scan between two stretches. */
export class ScanState {
  inQuotes = false;
  /** The previous byte closed a quoted cell: the next byte must end it, or be a quote. */
  closed = false;
  /** The previous byte. */
  lastByte = LF;
  /** Cell borders of the record so far; used if cells are counted. */
  borders = 0;
  lf = false;
  crlf = false;
  loneCr = false;
}

interface Exports {
  memory: { buffer: ArrayBuffer };
  scan(from: number, to: number, delimiter: number, width: number): number;
}

// Node's types lack it, and browser types do not fit this program.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
};

// Small enough to be compiled at startup.
const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(WASM, 'base64')));
const { memory, scan } = instance.exports as Exports;
/** For each line feed outside of quotes in the last scan: the offset after it, counted from the input. */
export const lineEnds = new Uint32Array(memory.buffer, OUTPUT, WINDOW);
const words = new Int32Array(memory.buffer, 0, 8);
const bytes = new Uint8Array(memory.buffer, 0, OUTPUT);

/** Other results of the last scan. */
export const found = {
  /** `to`, or the start of the block with a misplaced quote. */
  reached: 0,
  /** The number of {@link lineEnds}. */
  lines: 0,
  /** The first of these that ends a record with a wrong number of cells, else -1. */
  raggedLine: -1,
  raggedCells: 0,
};

/** Whether the scan supports this delimiter: one byte without another meaning. */
export function isPlain(delimiter: number): boolean {
  return delimiter < 0x100 && delimiter !== QUOTE && delimiter !== LF && delimiter !== CR;
}

let taken = false;

/** There is only one memory: a scan in the callback of another scan must do without it. */
export function takeMemory(): boolean {
  if (taken) return false;
  taken = true;
  return true;
}

export function leaveMemory(): void {
  taken = false;
}

/** Copies a window to the input. */
export function setInput(window: Uint8Array, byteBefore: number): void {
  bytes[INPUT - 1] = byteBefore;
  bytes.set(window, INPUT);
}

/**
 * Scans [from, to) of the input, a multiple of a block.
 * @param start of the record so far, counted from the input
 * @param width cells that each record must have, or 0
 */
export function scanInput(
  from: number,
  to: number,
  delimiter: number,
  state: ScanState,
  start: number,
  width: number,
): void {
  words[IN_QUOTES] = state.inQuotes ? 1 : 0;
  words[CLOSED] = state.closed ? 1 : 0;
  words[BORDERS] = state.borders;
  words[START] = Math.max(start, FAR_BACK);
  const reached = scan(from, to, delimiter, width);
  const breaks = words[BREAKS] as number;
  if ((breaks & 1) !== 0) state.lf = true;
  if ((breaks & 2) !== 0) state.crlf = true;
  if ((breaks & 4) !== 0) state.loneCr = true;
  state.inQuotes = words[IN_QUOTES] === 1;
  state.closed = words[CLOSED] === 1;
  state.borders = words[BORDERS] as number;
  state.lastByte = bytes[INPUT + reached - 1] as number;
  found.reached = reached;
  found.lines = words[LINES] as number;
  found.raggedLine = words[RAGGED_LINE] as number;
  found.raggedCells = words[RAGGED_CELLS] as number;
}

/** The input, at the offsets of a scan. */
export const inputBytes = bytes.subarray(INPUT);

/** Cells of a scanned line. */
export function cellsOf(start: number, end: number, delimiter: number): number {
  let cells = 1;
  let inQuotes = false;
  for (let at = start; at < end; at++) {
    const byte = inputBytes[at];
    if (byte === QUOTE) inQuotes = !inQuotes;
    else if (byte === delimiter && !inQuotes) cells++;
  }
  return cells;
}

/** Whether a scanned line is not a record: it has nothing before its line ending. */
export function isBlank(start: number, end: number): boolean {
  const size = end - start;
  return size === 1 || (size === 2 && bytes[INPUT + end - 2] === CR);
}

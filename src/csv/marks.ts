/**
 * Finds line ends outside of quotes with SIMD instructions, 64 bytes at a time (WebAssembly, scripts/wasm/marks.wat).
 * Where a quote is not where it should be it stops: then the rules in the scanner must go byte by byte.
 */
import { WASM } from './marks-wasm.js';

export const LF = 0x0a;
export const CR = 0x0d;
export const QUOTE = 0x22;
/** Bytes that are looked at together; only whole blocks can be scanned. */
export const BLOCK = 64;
/** Smaller chunks are done sooner byte by byte. */
export const WORTH_BLOCKS = 4 * BLOCK;
/** So many bytes are taken byte by byte where a quote is not where it should be. */
export const STRETCH = 8 * BLOCK;
/** Most bytes of the input. */
export const WINDOW = 65_536;

const INPUT = 128;
const OUTPUT = INPUT + WINDOW;
/** Words of the state; the head of marks.wat says what they mean. */
const IN_QUOTES = 0;
const CLOSED = 1;
const BORDERS = 2;
const START = 3;
const BREAKS = 4;
const LINES = 5;
const RAGGED_LINE = 6;
const RAGGED_CELLS = 7;
/** A record that began so far back is no blank line, wherever it began. */
const FAR_BACK = -1_000;

/** Where a scan stands between two stretches, and what it has seen. */
export class ScanState {
  inQuotes = false;
  /** The byte before closed a quoted cell: what comes next must end it, or be a quote. */
  closed = false;
  /** The byte before. */
  lastByte = LF;
  /** Cell borders of the record so far; of use when cells are counted. */
  borders = 0;
  lf = false;
  crlf = false;
  loneCr = false;
}

interface Exports {
  memory: { buffer: ArrayBuffer };
  scan(from: number, to: number, delimiter: number, width: number): number;
}

// Node's types do not have it; those of browsers, which do, are not for this program.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
};

// It is small enough to be compiled while the program starts.
const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(WASM, 'base64')));
const { memory, scan } = instance.exports as Exports;
/** For each line feed outside of quotes that the last scan found: the offset after it, counted from the input. */
export const lineEnds = new Uint32Array(memory.buffer, OUTPUT, WINDOW);
const words = new Int32Array(memory.buffer, 0, 8);
const bytes = new Uint8Array(memory.buffer, 0, OUTPUT);

/** What else the last scan found. */
export const found = {
  /** `to`, or the start of the block where a quote is not where it should be. */
  reached: 0,
  /** How many of {@link lineEnds} there are. */
  lines: 0,
  /** The first of these that ends a record with a wrong number of cells, else -1. */
  raggedLine: -1,
  raggedCells: 0,
};

/** Whether it can be a delimiter here: one byte, that means nothing else. */
export function isPlain(delimiter: number): boolean {
  return delimiter < 0x100 && delimiter !== QUOTE && delimiter !== LF && delimiter !== CR;
}

let taken = false;

/** There is one memory: who scans in a callback of a scan has to do without. */
export function takeMemory(): boolean {
  if (taken) return false;
  taken = true;
  return true;
}

export function leaveMemory(): void {
  taken = false;
}

/** Makes a window the input. */
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

/** The input, as offsets count it. */
export const inputBytes = bytes.subarray(INPUT);

/** Cells of a line that the scan has found. */
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

/** Whether a line that the scan has found is no record: it has nothing before its line end. */
export function isBlank(start: number, end: number): boolean {
  const size = end - start;
  return size === 1 || (size === 2 && bytes[INPUT + end - 2] === CR);
}

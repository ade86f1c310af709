/**
 * Finds line ends outside of quotes with SIMD instructions, 64 bytes at a time (WebAssembly, scripts/wasm/marks.wat).
 * It stops at a misplaced quote; from there the scanner must apply the rules byte by byte.
 */
import type { Scan, WasmInstance } from './instance.js';

export const LF = 0x0a;
export const CR = 0x0d;
export const QUOTE = 0x22;
/** Bytes processed together; only whole blocks can be scanned. */
export const BLOCK = 64;
/** Smaller chunks are faster byte by byte. */
export const WORTH_BLOCKS = 4 * BLOCK;
/** Bytes to process byte by byte around a misplaced quote. */
export const STRETCH = 8 * BLOCK;

/** Indexes of the state; the head of marks.wat explains them. */
const OUTSIDE = 0;
const CLOSED = 1;
const BORDERS = 2;
const LAST_BYTE = 3;
const LINES = 4;
const SHORT = 5;
const RAGGED = 6;
const SEEN_LF = 8;
const SEEN_CRLF = 10;
const SEEN_CR = 12;
const START = 4_095;
/** A record that began this far back is not short, wherever it began. */
const FAR_BACK = 65_536;

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

/** Whether the scan supports this delimiter: one byte without another meaning. */
export function isPlain(delimiter: number): boolean {
  return delimiter < 0x100 && delimiter !== QUOTE && delimiter !== LF && delimiter !== CR;
}

/** Which bytes a window has: the fewer, the faster. */
export interface WindowKind {
  quotes: boolean;
  crs: boolean;
}

export function windowKind(window: Buffer): WindowKind {
  return { quotes: window.includes(QUOTE), crs: window.includes(CR) };
}

export interface ScanTask {
  /** Addresses. */
  from: number;
  to: number;
  /** Where the line so far began, maybe before `from`. */
  start: number;
  kind: WindowKind;
  delimiter: number;
  /** Cells that each record must have, or 0. */
  width: number;
  /** Lines with fewer bytes are reported. */
  short: number;
}

export interface Found {
  /** `to`, or the address of the block with a misplaced quote. */
  reached: number;
  /** The number of line ends. */
  lines: number;
  /** Whether a line has fewer bytes than `short`. */
  hasShort: boolean;
  /** Whether a line has another number of cells than `width`. */
  hasRagged: boolean;
}

/** Scans [from, to), a multiple of a block. */
export function scanWindow(instance: WasmInstance, state: ScanState, task: ScanTask): Found {
  const { words, bytes } = instance;
  const { from, to, start, delimiter, width, short } = task;
  words[OUTSIDE] = state.inQuotes ? 0 : -1;
  words[CLOSED] = state.closed ? 1 : 0;
  words[BORDERS] = state.borders;
  words[LAST_BYTE] = state.lastByte;
  words[START] = Math.max(start, from - FAR_BACK);
  words.fill(0, SEEN_LF, SEEN_CR + 2);
  const crs = task.kind.crs || state.lastByte === CR;
  const scan = variant(instance, crs, task.kind.quotes || state.inQuotes || state.closed, width > 0);
  const reached = scan(from, to, delimiter, width, short);
  if (crs) {
    const seen = (index: number): boolean => words[index] !== 0 || words[index + 1] !== 0;
    state.lf ||= seen(SEEN_LF);
    state.crlf ||= seen(SEEN_CRLF);
    state.loneCr ||= seen(SEEN_CR);
  } else if (!state.lf) {
    // Mostly found at once, and never again.
    state.lf = bytes.subarray(from, reached).includes(LF);
  }
  state.inQuotes = words[OUTSIDE] === 0;
  state.closed = words[CLOSED] === 1;
  state.borders = words[BORDERS] as number;
  if (reached > from) state.lastByte = bytes[reached - 1] as number;
  return { reached, lines: words[LINES] as number, hasShort: words[SHORT] !== 0, hasRagged: words[RAGGED] !== 0 };
}

function variant({ exports }: WasmInstance, crs: boolean, quotes: boolean, checks: boolean): Scan {
  if (crs) return checks ? exports.checkAny : exports.scanAny;
  if (quotes) return checks ? exports.checkQuoted : exports.scanQuoted;
  return checks ? exports.checkPlain : exports.scanPlain;
}

/** Cell borders in a stretch of scanned bytes. */
export function bordersIn(
  bytes: Uint8Array,
  from: number,
  to: number,
  delimiter: number,
  startsInQuotes: boolean,
): number {
  let borders = 0;
  let inQuotes = startsInQuotes;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) inQuotes = !inQuotes;
    else if (byte === delimiter && !inQuotes) borders++;
  }
  return borders;
}

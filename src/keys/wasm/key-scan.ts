/**
 * Hashes the keys of many CSV records at a time, and finds those that may be wanted (WebAssembly, scripts/wasm/keys.wat).
 * A filter tells most rows from wanted ones by a few bits: only the others are hashed with SipHash. The filter's own hash
 * is quick and weak, but depends on a secret too; keys that deceive it only make the search slower.
 *
 * Rows whose key needs more rules than it knows are returned as they are. So the result is that of `keyNormalizer` and
 * `keyHash`, which the caller applies to these.
 */
import { randomBytes } from 'node:crypto';
import type { RecordRun } from '../../runtime/record-run.js';
import type { WasmMemory, ReadBuffers } from '../../runtime/wasm-memory.js';
import { createReadBuffers } from '../../runtime/wasm-memory.js';
import type { HashPlaces } from '../key-table.js';
import type { KeyForm } from '../normalize-key.js';
import { SECRET_BYTES } from '../sip-hash.js';
import { WASM } from './key-scan-wasm.js';

/** Addresses after the beginning of its area; the head of keys.wat explains them. */
const FILTER_SECRETS = 16;
const COLUMN = 40;
const DELIMITER = 44;
const FORM = 48;
const FILTER = 52;
const FILTER_MASK = 56;
const PREFIX_LENGTH = 60;
const PREFIX = 64;
const MASKS = 128;
const KEY = 192;
const OUTPUT = 16_896;

const MAX_PREFIX = 60;
/** Longer keys are not plain. */
const MAX_KEY = 255;
/** Records of one call. */
export const MAX_RECORDS = 1_024;
/** 32-bit words of an entry of the output. */
const ENTRY = 8;
/** Rows to keep until there are many. */
const KEPT = OUTPUT + MAX_RECORDS * ENTRY * 4;
const KEPT_BYTES = 256 * 1024;
const OWN_BYTES = KEPT + KEPT_BYTES;

/** About 2 of 100 other rows pass, then. */
const FILTER_BITS = 10;
const MIN_FILTER_WORDS = 1_024;
/** 32 MB: with more than 27 million keys, more rows pass. */
const MAX_FILTER_WORDS = 2 ** 22;

const FORMS: Record<KeyForm, number> = { asIs: 0, lowerCase: 1, id: 2, number: 3 };

/**
 * - `find`: the rows whose keys may have been added.
 * - `add`: all rows; their keys are added to the filter.
 * - `check`: only the rows that are not plain, or have no key.
 * - `hash`: all rows with a key.
 */
export type KeyTask = 'find' | 'add' | 'check' | 'hash';

const TASKS: Record<KeyTask, number> = { find: 0, add: 1, check: 2, hash: 3 };

/** Where the keys are. */
export interface KeyCells {
  /** From 0. */
  column: number;
  delimiter: string;
  /** The second cell of a row must begin with this text, which is the beginning of no other cell's text. */
  prefix?: string;
}

export interface FoundRow {
  /** Addresses. */
  start: number;
  end: number;
  /** Where the hash is in {@link KeyScan.words}; undefined if the row must be examined otherwise. */
  hashAt: number | undefined;
}

interface Exports {
  prepare(base: number): void;
  mark(length: number): void;
  copy(to: number, from: number, length: number): void;
  scan(task: number, ends: number, count: number, start: number): number;
}

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
};

let compiled: object | undefined;

export interface KeyScanOptions {
  /** Of the hash. */
  secret: Uint8Array;
  form: KeyForm;
  /** How many keys will be added, about. */
  keys: number;
}

export class KeyScan {
  /** Only rows in these can be scanned. */
  readonly buffers: ReadBuffers;
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #exports: Exports;
  /** Rows that {@link keep} took, and their bytes. */
  keptRows = 0;
  keptBytes = 0;

  constructor({ secret, form, keys }: KeyScanOptions) {
    const filterWords = filterSize(keys);
    const { memory, buffers, rest } = createReadBuffers(OWN_BYTES + filterWords * 8);
    this.buffers = buffers;
    this.#base = rest;
    this.#bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.#bytes.set(secret.subarray(0, SECRET_BYTES), rest);
    this.#bytes.set(randomBytes(24), rest + FILTER_SECRETS);
    for (const odd of [8, 16]) (this.#bytes[rest + FILTER_SECRETS + odd] as number) |= 1;
    this.#bytes.fill(0xff, rest + MASKS, rest + MASKS + 16);
    this.#set(FORM, FORMS[form]);
    this.#set(FILTER, rest + OWN_BYTES);
    this.#set(FILTER_MASK, filterWords - 1);
    this.#exports = exportsFor(memory);
    this.#exports.prepare(rest);
  }

  #set(at: number, value: number): void {
    this.words[(this.#base + at) / 4] = value;
  }

  /** Call before the rows of a file. */
  use({ column, delimiter, prefix = '' }: KeyCells): void {
    this.#set(COLUMN, column);
    this.#set(DELIMITER, delimiter.charCodeAt(0));
    this.#set(PREFIX_LENGTH, prefix.length);
    for (let at = 0; at < prefix.length; at++) this.#bytes[this.#base + PREFIX + at] = prefix.charCodeAt(at);
  }

  /** Whether rows can be chosen by this prefix: bytes that stand for themselves in every cell. */
  static isPrefix(text: string): boolean {
    return text !== '' && text.length <= MAX_PREFIX && /^[A-Za-z0-9_]+:$/.test(text);
  }

  /** Adds a key in its normal form. */
  add(key: string): void {
    const { length } = key;
    // No key that is found here is longer.
    if (length > MAX_KEY) return;
    const at = this.#base + KEY;
    for (let n = 0; n < length; n++) {
      const unit = key.charCodeAt(n);
      if (unit >= 0x80) return;
      this.#bytes[at + n] = unit;
    }
    this.#bytes.fill(0, at + length, at + length + 16);
    this.#exports.mark(length);
  }

  /**
   * Copies the bytes of a row: in this memory, because a call for each of millions of rows to copy them out of it would
   * take three times as long.
   * @returns false if there is no room
   */
  keep(start: number, end: number): boolean {
    const length = end - start;
    if (this.keptBytes + length > KEPT_BYTES) return false;
    this.#exports.copy(this.#base + KEPT + this.keptBytes, start, length);
    this.keptBytes += length;
    this.keptRows++;
    return true;
  }

  /** The rows kept, which it forgets. Valid until the next one is kept. */
  takeKept(): Buffer {
    const kept = Buffer.from(this.#bytes.buffer, this.#base + KEPT, this.keptBytes);
    this.keptRows = 0;
    this.keptBytes = 0;
    return kept;
  }

  /**
   * Calls the visitor for rows of a run. It is given the same object each time, valid until it returns.
   * @param prepare is told of up to 1,024 of the hashes before the visitor gets them
   */
  scan(task: KeyTask, run: RecordRun, visit: (row: FoundRow) => void, prepare?: (hashes: HashPlaces) => void): void {
    const { words } = this;
    const output = (this.#base + OUTPUT) / 4;
    const row: FoundRow = { start: 0, end: 0, hashAt: undefined };
    const { ends } = run;
    let { start } = run;
    for (let done = 0; done < run.count; done += MAX_RECORDS) {
      const at = run.first + done;
      const count = Math.min(MAX_RECORDS, run.count - done);
      const found = this.#exports.scan(TASKS[task], ends.byteOffset + at * 4, count, start);
      prepare?.({ first: output + 4, step: ENTRY, count: found });
      for (let entry = output; entry < output + found * ENTRY; entry += ENTRY) {
        row.start = words[entry] as number;
        row.end = words[entry + 1] as number;
        row.hashAt = words[entry + 2] === 0 ? undefined : entry + 4;
        visit(row);
      }
      start = ends[at + count - 1] as number;
    }
  }
}

function filterSize(keys: number): number {
  let words = MIN_FILTER_WORDS;
  while (words * 64 < keys * FILTER_BITS && words < MAX_FILTER_WORDS) words *= 2;
  return words;
}

function exportsFor(memory: WasmMemory): Exports {
  compiled ??= new WebAssembly.Module(Buffer.from(WASM, 'base64'));
  return new WebAssembly.Instance(compiled, { keys: { memory } }).exports as Exports;
}

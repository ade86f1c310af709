/** Cuts a file into parts by byte ranges, at record ends only. */
import { MAX_PARTS } from '../domain/name-and-number-limits.js';
import { NightloadError } from '../errors.js';
import { lineBreaks } from './line-breaks.js';
import { asBuffer, Scanner } from './scanner.js';
import { MAX_ROW_BYTES, rowTooLarge, unclosedQuote } from './row-limits.js';
import type { BlankRows } from './blank-rows.js';
import type { ScanOptions, ScanSummary } from './records.js';
import type { RaggedRecord, StrayQuote } from './scanner-types.js';
import { notUtf8At } from './encoding/encoding-errors.js';
import { crc32 } from './simd/crc32.js';
import { Utf8Finder } from './encoding/utf8-validator.js';

export interface PartRange {
  /** Absolute offset of the first byte. */
  start: number;
  /** Offset after the last byte; always a record end. */
  end: number;
  records: number;
  /** CRC-32 of the bytes, to detect a source that was changed in place. */
  crc: number;
}

export interface PlanOptions extends ScanOptions {
  /** Maximum bytes of a part, without the header line. */
  maxBytes: number;
  /** Maximum records of a part. @default unlimited */
  maxRecords?: number;
  /** Cells that each record must have. @default not checked */
  width?: number;
  onProgress?: (bytes: number) => void;
}

export interface PartPlan extends ScanSummary {
  parts: PartRange[];
  /** Bytes of blank lines and blank rows between the records of a part. They are not records, but would be sent. */
  blankBytes: number;
  /** Records so large that a cell may exceed the platform's limit; at most {@link MAX_LARGE}. */
  large: { row: number; start: number; end: number }[];
  /** Whether there is a carriage return that is not part of a line ending. */
  loneCr: boolean;
  /** With `leaveOutBlank`: rows that are in no part. Their bytes count as `blankBytes` if they are within one. */
  blankRows: BlankRows;
}

/** The platform's limit for a cell, in characters; in UTF-8, a longer cell has at least as many bytes. */
const LARGE_RECORD = 131_072;
const MAX_LARGE = 1_000;

/**
 * Cuts the data after the header into parts of at most `maxBytes`, at record ends only. Keeps no chunk: its memory may
 * be reused for the next one.
 * @throws NightloadError `RECORD_TOO_LARGE`, `CSV_ROW_TOO_LARGE`, `CSV_UNCLOSED_QUOTE`, `CSV_RAGGED_ROW`,
 *   `CSV_INVALID`, `CSV_NOT_UTF8`, `CSV_NUL`
 */
export async function planParts(chunks: AsyncIterable<Uint8Array>, options: PlanOptions): Promise<PartPlan> {
  const { base = 0, maxRecords = Infinity } = options;
  const parts: PartRange[] = [];
  let current: PartRange | undefined;
  let blankBytes = 0;
  const large: PartPlan['large'] = [];
  const scanner = new Scanner(
    options.delimiter,
    base,
    (start, end) => {
      if (end - start > MAX_ROW_BYTES) throw rowTooLarge(rowAt(scanner.records, start));
      if (end - start > options.maxBytes) {
        throw new NightloadError(
          'RECORD_TOO_LARGE',
          `Data row ${scanner.records} has ${end - start} bytes, more than a part may have (${options.maxBytes}). ` +
            'Raise the part size, or check for an unclosed quote that swallows the rows after it.',
        );
      }
      if (end - start > LARGE_RECORD && large.length < MAX_LARGE) large.push({ row: scanner.records, start, end });
      if (current !== undefined && end - current.start <= options.maxBytes && current.records < maxRecords) {
        blankBytes += start - current.end;
        current.end = end;
        current.records++;
      } else {
        if (parts.length === MAX_PARTS) throw tooManyParts();
        current = { start, end, records: 1, crc: 0 };
        parts.push(current);
      }
    },
    {
      ...options,
      onRun({ start, end, count }) {
        // All within the part, so that none of them is too large, begins a part, or follows a blank row.
        if (start !== current?.end || end - start > LARGE_RECORD) return false;
        if (end - current.start > options.maxBytes || current.records + count > maxRecords) return false;
        current.end = end;
        current.records += count;
        return true;
      },
    },
  );
  const text = new Utf8Finder(base);
  const sums = new PartSums(parts);
  let position = base;
  for await (const piece of chunks) {
    const chunk = asBuffer(piece);
    const bad = text.push(chunk) ?? nulIn(chunk, position);
    if (bad !== undefined) {
      scanner.push(chunk.subarray(0, Math.max(0, bad - position)));
      if (scanner.strayQuote !== undefined) throw strayQuote(scanner.strayQuote);
      throw badByte(chunk, { at: bad, position, row: scanner.records + 1, afterUtf8: text.sawText });
    }
    scanner.push(chunk);
    if (scanner.strayQuote !== undefined) throw strayQuote(scanner.strayQuote);
    if (scanner.ragged !== undefined) throw raggedRow(scanner.ragged, options.width);
    sums.add(chunk, position);
    position += chunk.length;
    // Checked before the record ends: until then its bytes are kept, and it may extend to the end of the file.
    const { records, recordStart } = scanner;
    if (position - recordStart > MAX_ROW_BYTES) throw rowTooLarge(rowAt(records + 1, recordStart));
    options.onProgress?.(position - base);
  }
  const open = scanner.finish();
  if (open !== undefined) unclosedQuote(`Data row ${open}`);
  if (scanner.ragged !== undefined) throw raggedRow(scanner.ragged, options.width);
  const cut = text.finish();
  if (cut !== undefined) throw notUtf8At(cut, scanner.records, Buffer.alloc(0), text.sawText);
  sums.finish();
  return {
    parts,
    blankBytes,
    large,
    loneCr: scanner.loneCr || scanner.endsInCr,
    blankRows: scanner.blankRows,
    records: scanner.records,
    bytes: position - base,
    lineBreaks: lineBreaks(scanner),
  };
}

function tooManyParts(): NightloadError {
  return new NightloadError(
    'TOO_MANY_PARTS',
    `The file would be split into more than ${MAX_PARTS} parts, each a job, and an org allows 15,000 batches a day. Raise the part size (--part-size).`,
  );
}

function rowAt(row: number, start: number): string {
  return `Data row ${row} (from byte ${start} of the file)`;
}

/** @param width cells of the header */
export function raggedRow({ record, cells }: RaggedRecord, width = 0): NightloadError {
  return new NightloadError(
    'CSV_RAGGED_ROW',
    `Data row ${record} has ${cells} ${cells === 1 ? 'cell' : 'cells'}, the header has ${width}. Check for a missing or stray quote or delimiter, ` +
      `or a truncated file${width === 1 ? '; or specify the delimiter of the file (--delimiter)' : ''}.`,
  );
}

function strayQuote({ record, at }: StrayQuote): NightloadError {
  return new NightloadError(
    'CSV_INVALID',
    `Data row ${record} has a misplaced quote (byte offset ${at}): inside an unquoted cell, or ` +
      'followed by text after it closes a cell. Salesforce refuses the whole job because of it. Quote the cell ' +
      'and double the quotes in it, or specify the delimiter of the file (--delimiter).',
  );
}

function nulIn(chunk: Buffer, position: number): number | undefined {
  const at = chunk.indexOf(0);
  return at === -1 ? undefined : position + at;
}

interface BadByte {
  /** Its offset in the file. */
  at: number;
  /** Offset of the chunk. */
  position: number;
  row: number;
  /** Whether valid UTF-8 beyond ASCII came before it. */
  afterUtf8: boolean;
}

function badByte(chunk: Buffer, { at, position, row, afterUtf8 }: BadByte): NightloadError {
  if (chunk[at - position] !== 0) return notUtf8At(at, row, chunk, afterUtf8);
  return new NightloadError(
    'CSV_NUL',
    `The file has a NUL byte at byte offset ${at}, in data row ${row}. Salesforce rejects NUL bytes: remove it, or correct the program that wrote it.`,
  );
}

/**
 * Checksums of parts while the parts are found: bytes after the last record end wait, because they may begin another
 * part.
 */
class PartSums {
  readonly #parts: readonly PartRange[];
  /** Waiting pieces in order, with their offsets. */
  #waiting: { start: number; bytes: Buffer }[] = [];
  /** Parts before this one are complete. */
  #part = 0;

  constructor(parts: readonly PartRange[]) {
    this.#parts = parts;
  }

  add(chunk: Buffer, start: number): void {
    this.#waiting.push({ start, bytes: chunk });
    this.#sum(false);
    // The rest of a chunk is copied, because the next chunk may use the same memory.
    const rest = this.#waiting.at(-1);
    if (rest !== undefined) rest.bytes = Buffer.from(rest.bytes);
  }

  finish(): void {
    this.#sum(true);
  }

  #sum(finished: boolean): void {
    for (let part = this.#parts[this.#part]; part !== undefined; part = this.#parts[++this.#part]) {
      this.#take(part);
      // The last part may still grow.
      if (this.#part === this.#parts.length - 1 && !finished) return;
    }
  }

  /** Adds the waiting bytes within a part to its checksum. */
  #take(part: PartRange): void {
    while (this.#waiting.length > 0) {
      const { start, bytes } = this.#waiting[0] as { start: number; bytes: Buffer };
      const from = Math.max(0, part.start - start);
      const to = Math.min(bytes.length, part.end - start);
      if (to > from) part.crc = crc32(bytes.subarray(from, to), part.crc);
      if (to === bytes.length) this.#waiting.shift();
      else {
        this.#waiting[0] = { start: start + Math.max(to, 0), bytes: bytes.subarray(Math.max(to, 0)) };
        return;
      }
    }
  }
}

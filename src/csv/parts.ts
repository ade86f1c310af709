/** Cutting a file into parts by byte ranges, at record ends only. */
import { MAX_PARTS } from '../domain/forms.js';
import { crc32 } from 'node:zlib';
import { NightloadError } from '../errors.js';
import { asBuffer, lineBreaks, MOST_ROW_BYTES, rowTooLarge, Scanner, unclosedQuote } from './scanner.js';
import type { BlankRows } from './blank-rows.js';
import type { ScanOptions, ScanSummary } from './records.js';
import type { RaggedRecord, StrayQuote } from './scanner.js';
import { notUtf8At, Utf8Finder } from './encoding.js';

export interface PartRange {
  /** Absolute offset of the first byte. */
  start: number;
  /** Offset after the last byte; always a record end. */
  end: number;
  records: number;
  /** CRC-32 of the bytes, by which a source that was changed in place is noticed. */
  crc: number;
}

export interface PlanOptions extends ScanOptions {
  /** Most bytes of one part, the header line not counted. */
  maxBytes: number;
  /** Most records of one part. @default no bound */
  maxRecords?: number;
  /** Cells that each record must have. @default not looked at */
  width?: number;
  onProgress?: (bytes: number) => void;
}

export interface PartPlan extends ScanSummary {
  parts: PartRange[];
  /** Bytes of blank lines and blank rows between the records of a part. They are no records, but they would be sent. */
  blankBytes: number;
  /** Records of so many bytes that a cell may have more than the platform takes; at most {@link MOST_LARGE}. */
  large: { row: number; start: number; end: number }[];
  /** A carriage return that ends nothing. */
  loneCr: boolean;
  /** With `leaveOutBlank`: rows that are in no part. Their bytes count as `blankBytes` where they lie in one. */
  blankRows: BlankRows;
}

/** A cell may have so many characters; in UTF-8 it then has at least as many bytes. */
const LARGE_RECORD = 131_072;
const MOST_LARGE = 1_000;

/**
 * Cuts the data after the header into parts of at most `maxBytes`, at record ends only. Keeps no chunk: the memory of one
 * may be used again for the next.
 * @throws NightloadError `RECORD_TOO_LARGE`, `CSV_ROW_TOO_LARGE`, `CSV_UNCLOSED_QUOTE`, `CSV_RAGGED_ROW`, `CSV_INVALID`, `CSV_NOT_UTF8`,
 *   `CSV_NUL`
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
      if (end - start > MOST_ROW_BYTES) throw rowTooLarge(rowAt(scanner.records, start));
      if (end - start > options.maxBytes) {
        throw new NightloadError(
          'RECORD_TOO_LARGE',
          `Data row ${scanner.records} has ${end - start} bytes, more than a part may have (${options.maxBytes}). ` +
            'Raise the part size, or look for a quote that swallows the rows after it.',
        );
      }
      if (end - start > LARGE_RECORD && large.length < MOST_LARGE) large.push({ row: scanner.records, start, end });
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
    options,
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
      throw badByte(chunk, bad, position, scanner.records + 1, text.sawText);
    }
    scanner.push(chunk);
    if (scanner.strayQuote !== undefined) throw strayQuote(scanner.strayQuote);
    if (scanner.ragged !== undefined) throw raggedRow(scanner.ragged, options.width);
    sums.add(chunk, position);
    position += chunk.length;
    // Not waited for its end: until then its bytes are kept, and the next record may be the end of the file.
    const { records, recordStart } = scanner;
    if (position - recordStart > MOST_ROW_BYTES) throw rowTooLarge(rowAt(records + 1, recordStart));
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
    `The file would be cut into more than ${MAX_PARTS} parts, each of them a job, and an org takes 15,000 batches a day. Raise the part size (--part-size).`,
  );
}

function rowAt(row: number, start: number): string {
  return `Data row ${row} (from byte ${start} of the file on)`;
}

/** @param width cells of the header */
export function raggedRow({ record, cells }: RaggedRecord, width = 0): NightloadError {
  return new NightloadError(
    'CSV_RAGGED_ROW',
    `Data row ${record} has ${cells} ${cells === 1 ? 'cell' : 'cells'}, the header has ${width}. Look for a missing or stray quote or delimiter, ` +
      `or for a file that was cut off${width === 1 ? '; or say which delimiter the file has (--delimiter)' : ''}.`,
  );
}

function strayQuote({ record, at }: StrayQuote): NightloadError {
  return new NightloadError(
    'CSV_INVALID',
    `Data row ${record} has a quote where none may be (byte offset ${at}): inside of a cell that has no quotes round it, or ` +
      'with text after the quote that closes a cell. Salesforce refuses the whole job because of it. Put the cell in quotes ' +
      'and double the quotes in it, or say which delimiter the file has (--delimiter).',
  );
}

function nulIn(chunk: Buffer, position: number): number | undefined {
  const at = chunk.indexOf(0);
  return at === -1 ? undefined : position + at;
}

function badByte(chunk: Buffer, at: number, position: number, row: number, afterUtf8: boolean): NightloadError {
  if (chunk[at - position] !== 0) return notUtf8At(at, row, chunk, afterUtf8);
  return new NightloadError(
    'CSV_NUL',
    `The file has a NUL byte at byte offset ${at}, in data row ${row}. Salesforce takes none: find out what wrote it, or remove it.`,
  );
}

/**
 * Checksums of parts while they are found: bytes after the last record end wait, because it is not known yet whether
 * they begin another part.
 */
class PartSums {
  readonly #parts: readonly PartRange[];
  /** Pieces that wait, in order, with their offsets. */
  #waiting: { start: number; bytes: Buffer }[] = [];
  /** Parts before this one are complete. */
  #part = 0;

  constructor(parts: readonly PartRange[]) {
    this.#parts = parts;
  }

  add(chunk: Buffer, start: number): void {
    this.#waiting.push({ start, bytes: chunk });
    this.#sum(false);
    // The rest of a chunk waits for the next one, whose memory may be the same.
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

  /** Adds to a part what waits and lies in it. */
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

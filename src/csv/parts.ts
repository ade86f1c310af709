/** Cutting a file into parts by byte ranges, at record ends only. */
import { crc32 } from 'node:zlib';
import { NightloadError } from '../errors.js';
import { asBuffer, lineBreaks, Scanner, unclosedQuote } from './scanner.js';
import type { ScanOptions, ScanSummary } from './scanner.js';
import { notUtf8, Utf8Check } from './utf8.js';

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
  onProgress?: (bytes: number) => void;
}

export interface PartPlan extends ScanSummary {
  parts: PartRange[];
  /** Bytes of blank lines between the records of a part. They are no records, but they would be sent. */
  blankBytes: number;
}

/**
 * Cuts the data after the header into parts of at most `maxBytes`, at record ends only. Copies nothing.
 * @throws NightloadError `RECORD_TOO_LARGE`, `CSV_UNCLOSED_QUOTE`, `CSV_NOT_UTF8`
 */
export async function planParts(chunks: AsyncIterable<Uint8Array>, options: PlanOptions): Promise<PartPlan> {
  const base = options.base ?? 0;
  const parts: PartRange[] = [];
  let current: PartRange | undefined;
  let blankBytes = 0;
  const scanner = new Scanner(options.delimiter, base, (start, end) => {
    if (end - start > options.maxBytes) {
      throw new NightloadError(
        'RECORD_TOO_LARGE',
        `Data row ${scanner.records} has ${end - start} bytes, more than a part may have (${options.maxBytes}). ` +
          'Raise the part size, or look for a quote that swallows the rows after it.',
      );
    }
    if (current !== undefined && end - current.start <= options.maxBytes) {
      blankBytes += start - current.end;
      current.end = end;
      current.records++;
    } else {
      current = { start, end, records: 1, crc: 0 };
      parts.push(current);
    }
  });
  const text = new Utf8Check();
  const sums = new PartSums(parts);
  let position = base;
  for await (const piece of chunks) {
    const chunk = asBuffer(piece);
    const before = scanner.records;
    scanner.push(chunk);
    if (!text.push(chunk)) throw notUtf8(`one of the data rows ${before + 1} to ${scanner.records + 1}`);
    sums.add(chunk, position);
    position += chunk.length;
    options.onProgress?.(position - base);
  }
  const open = scanner.finish();
  if (open !== undefined) unclosedQuote(`Data row ${open}`);
  if (!text.finish()) throw notUtf8('the last data row');
  sums.finish();
  return { parts, blankBytes, records: scanner.records, bytes: position - base, lineBreaks: lineBreaks(scanner) };
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

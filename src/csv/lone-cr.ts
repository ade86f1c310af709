/**
 * Finds endless rows and rows with too many cells, and lone carriage returns outside of quotes that may be meant as
 * line endings: in a file with one column, and at either end of a row. Elsewhere the number of cells shows that they
 * belong to a value.
 */
import { NightloadError } from '../errors.js';
import { BlankRowFinder } from './blank-rows.js';
import { MAX_CELLS, tooManyCells } from './cells.js';
import { MAX_ROW_BYTES, rowTooLarge } from './row-limits.js';

const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;

export class LoneCrFinder {
  /** Offset of the next chunk. */
  #position: number;
  readonly #delimiter: number;
  readonly #blank: BlankRowFinder;
  readonly #width: number;
  #inQuotes = false;
  /** A quote at this point opens a cell, or continues one that it seemed to close. */
  #mayOpen = true;
  /** A misplaced quote was found: the reader of the cells reports it, and nothing after it is certain. */
  #lost = false;
  #row = 1;
  /** Offset of the row's first byte. */
  #rowStart: number;
  /** Completed cells of the row so far. */
  #cells = 0;
  /** The line has bytes before its line ending, so it is a row. */
  #begun = false;
  /** Offset of a carriage return whose next byte has not arrived yet. */
  #open: number | undefined;

  /**
   * @param width cells of a row
   * @param position offset of the next byte, which is the beginning of a data row
   */
  constructor(delimiter: string, width: number, position = 0) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#blank = new BlankRowFinder(this.#delimiter);
    this.#width = width;
    this.#position = position;
    this.#rowStart = position;
  }

  /** The last byte of a file may be half of a line ending, which is not an error. */
  push(chunk: Buffer): NightloadError | undefined {
    for (let at = 0; at < chunk.length && !this.#lost; at++) {
      const byte = chunk[at] as number;
      this.#blank.push(chunk, at, at + 1);
      if (this.#open !== undefined && byte !== LF && (this.#width === 1 || !this.#begun || byte === CR)) {
        return this.#error(this.#open);
      }
      this.#open = undefined;
      if (byte === QUOTE) {
        this.#lost = !this.#inQuotes && !this.#mayOpen;
        this.#inQuotes = !this.#inQuotes;
        this.#begun = true;
      } else if (this.#inQuotes || (byte !== CR && byte !== LF)) {
        this.#begun = true;
        if (byte === this.#delimiter && !this.#inQuotes && ++this.#cells > MAX_CELLS) return tooManyCells();
      } else if (byte === CR) this.#open = this.#position + at;
      else {
        if (this.#begun && !this.#blank.isBlank) this.#row++;
        this.#begun = false;
        this.#rowStart = this.#position + at + 1;
        this.#cells = 0;
        this.#blank.reset();
      }
      this.#mayOpen = byte === QUOTE || byte === this.#delimiter || byte === LF;
    }
    this.#position += chunk.length;
    // A row of delimiters only has endless cells, and no characters.
    const isEndless = !this.#lost && this.#position - this.#rowStart > MAX_ROW_BYTES;
    return isEndless ? rowTooLarge(`Data row ${this.#row}`) : undefined;
  }

  #error(offset: number): NightloadError {
    return new NightloadError(
      'CSV_LINE_ENDING',
      `Data row ${this.#row} has a carriage return outside quotes that is not part of a line ending (byte offset ${offset}). ` +
        'If it ends the row, convert all line endings to LF or CRLF; if it belongs to a value, quote the value.',
    );
  }
}

/**
 * Finds rows without end, or with cells without end, and carriage returns outside of quotes that are no part of a line end and may be meant as one: in a file of one column,
 * and at either end of a row. Elsewhere the number of cells tells that they belong to a value.
 */
import { NightloadError } from '../errors.js';
import { BlankRowFinder } from './blank-rows.js';
import { MOST_CELLS, tooManyCells } from './cells.js';
import { MOST_ROW_BYTES, rowTooLarge } from './scanner.js';

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
  /** A quote that comes now opens a cell, or goes on with one that it seemed to close. */
  #mayOpen = true;
  /** A quote stands where none may be: that is told by whoever reads the cells, and after it nothing is sure. */
  #lost = false;
  #row = 1;
  /** Offset of its first byte. */
  #rowStart: number;
  /** Cells of the row so far that have ended. */
  #cells = 0;
  /** The line has bytes other than its end, so it is a row. */
  #begun = false;
  /** Offset of a carriage return whose next byte has not come yet. */
  #open: number | undefined;

  /**
   * @param width cells of a row
   * @param position offset of the first byte that comes, which is the beginning of a data row
   */
  constructor(delimiter: string, width: number, position = 0) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#blank = new BlankRowFinder(this.#delimiter);
    this.#width = width;
    this.#position = position;
    this.#rowStart = position;
  }

  /** The last byte of a file may be half of a line end, which is no error. */
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
        if (byte === this.#delimiter && !this.#inQuotes && ++this.#cells > MOST_CELLS) return tooManyCells();
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
    // A row of nothing but delimiters has cells without end, and no characters.
    const isEndless = !this.#lost && this.#position - this.#rowStart > MOST_ROW_BYTES;
    return isEndless ? rowTooLarge(`Data row ${this.#row}`) : undefined;
  }

  #error(offset: number): NightloadError {
    return new NightloadError(
      'CSV_LINE_ENDING',
      `Data row ${this.#row} has a carriage return outside of quotes that is no part of a line end (byte offset ${offset}). ` +
        'If it is to end the row, convert all line ends to LF or CRLF; if it belongs to a value, put the value in quotes.',
    );
  }
}

/**
 * Finds rows without any value, which spreadsheets leave behind: only delimiters and empty quoted cells. They are not
 * records. A cell that contains blanks has a value, and Salesforce gets it as written.
 */
const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;

/** Number of blank rows, and the data row that precedes the first one. */
export interface BlankRows {
  rows: number;
  after: number;
}

/** For a warning. */
export function blankRowsText({ rows, after }: BlankRows): string {
  const where = after === 0 ? 'before the first data row' : `after data row ${after}`;
  return rows === 1
    ? `1 blank row was skipped, ${where}.`
    : `${rows} blank rows were skipped, the first of them ${where}.`;
}

/** State of a row until it has a value. */
const CELL_START = 0;
const IN_QUOTES = 1;
const CLOSED = 2;
const AFTER_CR = 3;
const VALUE = 4;
type State = typeof CELL_START | typeof IN_QUOTES | typeof CLOSED | typeof AFTER_CR | typeof VALUE;

/** Follows the bytes of a row until it has a value: for most rows, one byte. */
export class BlankRowFinder {
  readonly #delimiter: number;
  #state: State = CELL_START;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  /** Call before the first byte of a row. */
  reset(): void {
    this.#state = CELL_START;
  }

  /** Whether no value was found so far. */
  get isBlank(): boolean {
    return this.#state !== VALUE && this.#state !== IN_QUOTES;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    let state = this.#state;
    const delimiter = this.#delimiter;
    for (let at = start; at < end && state !== VALUE; at++) {
      const byte = bytes[at];
      if (byte === delimiter && (state === CELL_START || state === CLOSED)) state = CELL_START;
      else if (byte === QUOTE && state === CELL_START) state = IN_QUOTES;
      else if (byte === QUOTE && state === IN_QUOTES) state = CLOSED;
      else if (byte === CR && (state === CELL_START || state === CLOSED)) state = AFTER_CR;
      // A line feed in quotes is a value; elsewhere it ends the row.
      else if (byte !== LF || state === IN_QUOTES) state = VALUE;
    }
    this.#state = state;
  }
}

/** Whether none of a row's unquoted cells has a value. */
export function isBlankRow(cells: readonly string[]): boolean {
  return cells.every((cell) => cell === '');
}

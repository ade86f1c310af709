/** A terminal for tests: a stream with a size that obeys what commands write, and shows what a person would see. */
import { EventEmitter } from 'node:events';

// eslint-disable-next-line no-control-regex
const SEQUENCE = /\u001b\[(\??)(\d*)([A-Za-z])/y;

export class Screen extends EventEmitter {
  readonly isTTY = true;
  columns: number;
  rows: number;
  cursorIsHidden = false;
  /** Everything written, in pieces. */
  readonly writes: string[] = [];
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  hasColors(): boolean {
    return true;
  }

  /** Like a terminal's own: programs are told. */
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }

  /** Lines without the empty ones at the end. */
  get lines(): string[] {
    const lines = this.#lines.map((line) => line.join('').trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  write(text: string): boolean {
    this.writes.push(text);
    for (let at = 0; at < text.length;) {
      SEQUENCE.lastIndex = at;
      const found = SEQUENCE.exec(text);
      if (found !== null) {
        this.#obey(found[3] ?? '', found[2] ?? '', found[1] === '?');
        at = SEQUENCE.lastIndex;
      } else this.#put(text.charAt(at++));
    }
    return true;
  }

  #put(character: string): void {
    if (character === '\n') {
      [this.#row, this.#column] = [this.#row + 1, 0];
      this.#lines[this.#row] ??= [];
      return;
    }
    if (/\p{Cc}/u.test(character)) throw new Error(`a control character: ${JSON.stringify(character)}`);
    if (this.#column >= this.columns) throw new Error(`a line is wider than ${this.columns} columns`);
    const line = this.#lines[this.#row] as string[];
    while (line.length < this.#column) line.push(' ');
    line[this.#column++] = character;
  }

  #obey(command: string, number: string, isPrivate: boolean): void {
    const line = this.#lines[this.#row] as string[];
    if (isPrivate && number === '25') this.cursorIsHidden = command === 'l';
    else if (command === 'A') this.#row = Math.max(0, this.#row - Number(number));
    else if (command === 'G') this.#column = Number(number) - 1;
    else if (command === 'K') this.#lines[this.#row] = number === '2' ? [] : line.slice(0, this.#column);
    else if (command === 'J') this.#lines = [...this.#lines.slice(0, this.#row), line.slice(0, this.#column)];
    else if (command !== 'm') throw new Error(`unknown: ESC [ ${number} ${command}`);
  }
}

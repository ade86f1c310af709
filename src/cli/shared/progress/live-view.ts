/** Draws the lines of a running load on a terminal with cli-progress, and always gives the terminal back as it was. */
import { MultiBar } from 'cli-progress';
import type { SingleBar } from 'cli-progress';
import { forTerminal } from '../output.js';
import type { Shown } from './figures.js';
import { screenLines, screenSize } from './screen.js';
import { painted, widthOf } from './text-lines.js';
import type { Line } from './text-lines.js';

/** The part of a terminal's stream that is used. */
export interface Terminal {
  columns?: number;
  rows?: number;
  write(text: string): boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** While a person drags the edge of the window. */
const RESIZE_MS = 250;
/** Nothing is drawn between two answers of the load, so the library's own clock is not needed. */
const NO_CLOCK = 1 / 86_400;
const SHOW_CURSOR = '\u001b[?25h';

export class LiveView {
  readonly #stream: Terminal;
  readonly #colors: boolean;
  readonly #original: Terminal['write'];
  #multi: MultiBar | undefined;
  #slots: SingleBar[] = [];
  #drawn: Line[] = [];
  #shown: Shown | undefined;
  /** What one redraw writes goes out in one piece: nothing flickers. */
  #batch: string | undefined;
  #resizing: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(stream: Terminal, colors: boolean) {
    this.#stream = stream;
    this.#colors = colors;
    this.#original = stream.write;
    // Also others write here, such as the worker of the demo: what they write goes above the bars.
    stream.write = (...written) => {
      this.#inOnePiece(() => this.#clear());
      const isTaken = this.#original.apply(stream, written);
      this.#inOnePiece(() => this.#draw());
      return isTaken;
    };
    stream.on('resize', this.#onResize);
    process.on('exit', this.#onExit);
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGTSTP', this.#onSignal);
    process.on('SIGCONT', this.#onContinue);
  }

  update(shown: Shown): void {
    if (this.#ended) return;
    this.#shown = shown;
    this.#inOnePiece(() => this.#draw());
  }

  note(line: string): void {
    this.#inOnePiece(() => {
      this.#clear();
      this.#write(`${forTerminal(line)}\n`);
      this.#draw();
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#inOnePiece(() => this.#clear());
    this.#ended = true;
    this.#stream.write = this.#original;
    clearTimeout(this.#resizing);
    this.#stream.off('resize', this.#onResize);
    process.off('exit', this.#onExit);
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGTSTP', this.#onSignal);
    process.off('SIGCONT', this.#onContinue);
  }

  #draw(): void {
    if (this.#shown === undefined || this.#ended) return;
    this.#drawn = screenLines(this.#shown, screenSize(this.#stream), Date.now());
    this.#multi ??= new MultiBar({
      stream: this.#canvas(),
      format: (_options, _params, payload: { text: string }) => payload.text,
      fps: NO_CLOCK,
      hideCursor: true,
      // Lines are already cut to the width of the terminal, and its own wrapping stays as it is.
      linewrap: true,
      clearOnComplete: true,
    });
    while (this.#slots.length > this.#drawn.length) {
      const last = this.#slots.pop();
      if (last !== undefined) this.#multi.remove(last);
    }
    for (const [i, line] of this.#drawn.entries()) {
      const payload = { text: painted(line, this.#colors) };
      const slot = this.#slots[i];
      if (slot === undefined) this.#slots.push(this.#multi.create(1, 0, payload));
      else slot.update(0, payload);
    }
    this.#multi.update();
  }

  #clear(): void {
    this.#multi?.stop();
    this.#multi = undefined;
    this.#slots = [];
    this.#drawn = [];
  }

  readonly #onResize = (): void => {
    this.#resizing ??= setTimeout(() => {
      this.#resizing = undefined;
      this.#inOnePiece(() => {
        // A terminal that became narrower has broken the lines that no longer fit: they take more rows than before.
        const { columns } = screenSize(this.#stream);
        const broken = this.#drawn.reduce((sum, line) => sum + Math.max(0, Math.ceil(widthOf(line) / columns) - 1), 0);
        if (broken > 0) this.#write(`\u001b[${broken}A`);
        this.#clear();
        this.#draw();
      });
    }, RESIZE_MS);
  };

  readonly #onExit = (): void => {
    if (this.#multi !== undefined) this.#send(`${SHOW_CURSOR}\n`);
  };

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGTSTP') {
      // Ctrl-Z: the shell gets its cursor back until `fg`.
      this.#inOnePiece(() => this.#clear());
      process.kill(process.pid, 'SIGSTOP');
      return;
    }
    this.end();
    // Another listener ends the process; without one, the signal does.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };

  readonly #onContinue = (): void => {
    this.#inOnePiece(() => {
      this.#clear();
      this.#draw();
    });
  };

  #inOnePiece(draw: () => void): void {
    this.#batch = '';
    draw();
    const text = this.#batch;
    this.#batch = undefined;
    if (text !== '') this.#send(text);
  }

  #send(text: string): boolean {
    return this.#original.call(this.#stream, text);
  }

  #write(text: string): boolean {
    if (this.#batch === undefined) return this.#send(text);
    this.#batch += text;
    return true;
  }

  /** A terminal for the library. It would count colors as columns when it cuts lines: here it has nothing to cut. */
  #canvas(): NodeJS.WritableStream {
    const write = (text: string): boolean => this.#write(text);
    return { isTTY: true, columns: Number.MAX_SAFE_INTEGER, write } as unknown as NodeJS.WritableStream;
  }
}

/** Progress on stderr: bars on a terminal, dated lines elsewhere, or nothing. */
import { forTerminal } from '../output.js';
import { dated, DatedLines } from './dated-lines.js';
import type { Shown } from './figures.js';
import { LiveView } from './live-view.js';
import type { Terminal } from './live-view.js';

export interface ProgressView {
  update(shown: Shown): void;
  /** Shows an important line; bars make room for it. */
  note(line: string): void;
  end(): void;
}

type Environment = Record<string, string | undefined>;

/** A stream that may be a terminal. */
export type Output = Terminal & { isTTY?: boolean; hasColors?: () => boolean };

export function progressView(stream: Output = process.stderr, env: Environment = process.env): ProgressView {
  return drawsBars(stream, env) ? new LiveView(stream, hasColors(stream, env)) : datedView(stream);
}

/** Whether lines can be drawn over: a CI keeps everything, and a dumb terminal has no cursor to move. */
function drawsBars({ isTTY }: Output, { TERM, CI }: Environment): boolean {
  return isTTY === true && TERM !== 'dumb' && (CI === undefined || ['', '0', 'false'].includes(CI));
}

/** https://no-color.org takes precedence over whatever forces colors. */
function hasColors(stream: Output, { NO_COLOR = '' }: Environment): boolean {
  return NO_COLOR === '' && stream.hasColors?.() === true;
}

function datedView(stream: Output): ProgressView {
  const lines = new DatedLines();
  const write = (line: string): void => void stream.write(`${forTerminal(line)}\n`);
  return {
    update: (shown) => lines.update(shown, Date.now()).forEach(write),
    note: (line) => write(dated(line, Date.now())),
    end: () => undefined,
  };
}

/** Lines of a terminal as pieces of text, fitted to its width before they get colors. Pure. */
import { styleText } from 'node:util';
import stringWidth from 'string-width';

type Style = 'plain' | 'dim' | 'warning' | 'bad';

export interface Piece {
  text: string;
  style?: Style;
}

export type Line = Piece[];

const COLORS = { dim: 'dim', warning: 'yellow', bad: 'red' } as const;
const GAP = '  ';

export function widthOf(line: Line): number {
  return stringWidth(textOf(line));
}

export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}

/** Rows of a screen that a text takes. */
export function rowsOf(text: string, columns: number): number {
  return text.split('\n').reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0);
}

/** With colors if the terminal has them. */
export function painted(line: Line, colors: boolean): string {
  if (!colors) return textOf(line);
  return line
    .map(({ text, style = 'plain' }) =>
      style === 'plain' ? text : styleText(COLORS[style], text, { validateStream: false }),
    )
    .join('');
}

/** As much of a text as fits; some characters are two columns wide. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += stringWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** Pieces on one line; those at the end are left out if they do not fit. */
export function fitted(pieces: readonly Piece[], width: number): Line {
  const [first, ...rest] = pieces;
  if (first === undefined) return [];
  const line: Line = [{ ...first, text: cut(first.text, width) }];
  for (const piece of rest) {
    if (widthOf(line) + GAP.length + stringWidth(piece.text) > width) break;
    line.push({ text: GAP }, piece);
  }
  return line;
}

/** Pieces on as many lines as they need. */
export function flowed(pieces: readonly Piece[], width: number, indent: string): Line[] {
  const lines: Line[] = [];
  const room = width - indent.length;
  for (const piece of pieces) {
    const line = lines.at(-1);
    const whole = { ...piece, text: cut(piece.text, room) };
    if (line !== undefined && widthOf(line) + GAP.length + stringWidth(whole.text) <= width)
      line.push({ text: GAP }, whole);
    else lines.push([{ text: indent }, whole]);
  }
  return lines;
}

/** A sentence on at most so many lines. */
export function wrapped(text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest !== '' && lines.length < most) {
    if (lines.length === most - 1 || stringWidth(rest) <= width) {
      lines.push(cut(rest, width));
      break;
    }
    const part = cut(rest, width + 1).slice(0, -1);
    const space = part.lastIndexOf(' ');
    // A word of its own, such as a path, may be longer than a line.
    const end = space > width / 3 ? space : Math.max(1, part.length);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

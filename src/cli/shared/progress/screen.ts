/** A running load on a terminal: a bar for the load, figures, what it waits for, and a bar for each running part. Pure. */
import type { PartProgress } from '../../../contract/load-progress.js';
import { count, share } from '../../../domain/text/format.js';
import {
  askingText,
  doneRows,
  failedText,
  partWords,
  partsDone,
  percentDone,
  requestsText,
  rowsDone,
  runningParts,
  speedTexts,
  waitText,
} from './figures.js';
import type { Shown } from './figures.js';
import { cut, fitted, flowed, wrapped } from './text-lines.js';
import type { Line, Piece } from './text-lines.js';

export interface Size {
  columns: number;
  rows: number;
}

const MAX_LOAD_BAR = 30;
const PART_BAR = 16;
/** A smaller one says nothing. */
const MIN_BAR = 8;
/** Texts line up below each other; not on a narrow terminal, where every column counts. */
const LABEL = 11;
const NARROW = 60;
const MAX_WAIT_LINES = 3;

/** Of a stream that is no terminal, and of a terminal that does not know its size and says 0. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

export function screenSize({ columns, rows }: Partial<Size>): Size {
  return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows };
}

/** At most as many lines as the terminal shows without scrolling. */
export function screenLines(shown: Shown, { columns, rows }: Size, now: number): Line[] {
  // A text in the last column would move the cursor to the next line.
  const width = Math.max(1, columns - 1);
  const most = Math.max(1, rows - 1);
  const lines = [...loadLines(shown, width, now)].slice(0, most);
  const parts = runningParts(shown.progress).map((part) => partLine(part, width));
  const room = most - lines.length;
  if (parts.length <= room) return [...lines, ...parts];
  if (room === 0) return lines;
  const more = `  and ${count(parts.length - room + 1)} more parts`;
  return [...lines, ...parts.slice(0, room - 1), [{ text: cut(more, width), style: 'dim' }]];
}

function* loadLines(shown: Shown, width: number, now: number): Generator<Line> {
  const { progress } = shown;
  const { phase, records } = progress;
  const label = width < NARROW ? phase : phase.padEnd(LABEL - 2);
  const indent = ' '.repeat(width < NARROW ? 2 : LABEL);
  const known = records.total > 0;
  const head = known ? [percentDone(progress).padStart(5), rowsDone(progress)].map((text) => ({ text })) : [];
  const taken = [label, ...head.map(({ text }) => text)].reduce((sum, text) => sum + text.length + 2, 0);
  const size = known ? Math.min(MAX_LOAD_BAR, width - taken - 2) : 0;
  yield fitted([{ text: label }, ...bar(doneRows(progress) / Math.max(1, records.total), size), ...head], width);
  // Two groups, so that the number of lines stays the same while figures grow.
  const speed = [
    ...speedTexts(shown, now).map((text) => ({ text })),
    ...some(partsDone(progress)),
    ...some(askingText(progress)),
  ];
  const costs = [...some(failedText(progress), 'bad'), ...some(requestsText(shown))];
  for (const figures of [speed, costs]) yield* flowed(figures, width, indent);
  const wait = waitText(progress);
  if (wait === undefined) return;
  for (const text of wrapped(wait, width - indent.length, MAX_WAIT_LINES))
    yield [{ text: indent }, { text, style: 'warning' }];
}

function partLine(part: PartProgress, width: number): Line {
  const { n, processed, failed, total, jobId, bytes } = part;
  const isWide = width >= NARROW;
  const isUploading = part.phase === 'uploading' && bytes !== undefined;
  const progress = isUploading
    ? { done: bytes.sent / Math.max(1, bytes.total), text: `${share(bytes.sent, bytes.total)} sent` }
    : { done: processed / Math.max(1, total), text: `${count(processed)} of ${count(total)}` };
  const label = `  part ${n}`;
  return fitted(
    [
      { text: isWide ? label.padEnd(LABEL - 2) : label },
      ...(isWide ? bar(progress.done, PART_BAR) : []),
      { text: isWide ? partWords(part).padEnd(12) : partWords(part) },
      { text: progress.text },
      ...(failed > 0 ? [{ text: `${count(failed)} failed`, style: 'bad' as const }] : []),
      ...some(jobId, 'dim'),
    ],
    width,
  );
}

function bar(done: number, size: number): Piece[] {
  if (size < MIN_BAR) return [];
  const full = Math.floor(size * Math.min(1, Math.max(0, done)));
  return [{ text: `[${'='.repeat(full)}${'-'.repeat(size - full)}]` }];
}

function some(text: string | undefined, style: Piece['style'] = 'plain'): Piece[] {
  return text === undefined ? [] : [{ text, style }];
}

/** Progress as dated lines, for logs and pipes: each change of a phase, and the rows every half minute. Pure. */
import type { LoadProgress } from '../../../contract/load-progress.js';
import {
  askingText,
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
import { count } from '../../../domain/text/format.js';

const ROWS_EVERY_MS = 30_000;

/** `2026-11-26T05:40:12Z loading, …` */
export function dated(text: string, now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z ${text}`;
}

export class DatedLines {
  /** What was last said of the load: its phase, whether it is paused and whether it waits. */
  #said = '';
  #rows = '';
  #at = 0;
  #parts: Map<number, string> | undefined;

  /** The lines that are new at this moment. */
  update(shown: Shown, now: number): string[] {
    const { progress } = shown;
    const lines = this.#partLines(progress);
    const said = `${progress.phase} ${progress.paused} ${progress.waitingFor === undefined}`;
    const text = loadText(shown, now);
    const rows = rowsDone(progress);
    if (said !== this.#said || (now - this.#at >= ROWS_EVERY_MS && rows !== this.#rows)) {
      [this.#said, this.#rows, this.#at] = [said, rows, now];
      lines.push(text);
    }
    return lines.map((line) => dated(line, now));
  }

  #partLines(progress: LoadProgress): string[] {
    const before = this.#parts;
    this.#parts = new Map(progress.parts.map((part) => [part.n, part.phase]));
    const isFollowed = before !== undefined;
    const running = new Set(runningParts(progress));
    return progress.parts
      .filter((part) => {
        if (before?.get(part.n) === part.phase) return false;
        // What ended before this command began is in the line of the load.
        return part.phase !== 'waiting' && (isFollowed || running.has(part));
      })
      .map((part) => {
        const { n, processed, failed, total, jobId } = part;
        const pieces = [partWords(part), `${count(processed)} of ${count(total)} rows`];
        if (failed > 0) pieces.push(`${count(failed)} failed`);
        if (jobId !== undefined) pieces.push(`job ${jobId}`);
        return `part ${n}: ${pieces.join(', ')}`;
      });
  }
}

function loadText(shown: Shown, now: number): string {
  const { progress } = shown;
  const known = progress.records.total > 0;
  return [
    progress.phase,
    known ? `${rowsDone(progress)} (${percentDone(progress)})` : undefined,
    ...speedTexts(shown, now),
    partsDone(progress),
    askingText(progress),
    failedText(progress),
    requestsText(shown),
    waitText(progress),
  ]
    .filter((text) => text !== undefined)
    .join(', ');
}

/** Progress on stderr: a bar on a terminal, plain lines elsewhere. */
import { SingleBar } from 'cli-progress';
import type { LoadProgress } from '../../contract/load-progress.js';
import { count, time } from '../../domain/text/format.js';
import { forTerminal, say } from './output.js';

export interface ProgressView {
  update(progress: LoadProgress): void;
  /** Shows an important line; the bar makes room for it. */
  note(line: string): void;
  end(): void;
}

/** Rows done so far: those counted, and those that running jobs report. */
function through({ records, parts, phase }: LoadProgress): number {
  if (phase !== 'loading') return Math.min(records.total, records.total - records.unaccounted);
  const running = parts.filter((part) => part.phase !== 'done' && part.phase !== 'failed');
  return records.succeeded + running.reduce((sum, part) => sum + part.processed, 0);
}

function percent(sent: number, total: number): string {
  return `${Math.floor((100 * sent) / Math.max(1, total))} %`;
}

function words(progress: LoadProgress): string {
  const { phase, records, parts, waitingFor, paused, rowsPerSecond, secondsLeft } = progress;
  const done = parts.filter((part) => part.phase === 'done').length;
  const pieces = [paused ? `${phase} (paused)` : phase, `${through(progress)} of ${records.total} records`];
  if (parts.length > 1) pieces.push(`${done} of ${parts.length} parts done`);
  const jobs = parts.filter((part) => part.jobId !== undefined && part.phase !== 'done').map((part) => part.jobId);
  if (jobs.length > 0) pieces.push(`job ${jobs.join(', ')}`);
  const uploads = parts.flatMap(({ bytes }) => bytes ?? []);
  if (uploads.length > 0) pieces.push(`uploads ${uploads.map(({ sent, total }) => percent(sent, total)).join(', ')}`);
  if (rowsPerSecond !== undefined) pieces.push(`${count(Math.round(rowsPerSecond))} rows/s`);
  if (secondsLeft !== undefined) pieces.push(`${time(secondsLeft * 1000)} left`);
  // While it is paused, and during the retry, the text is complete in itself.
  if (waitingFor !== undefined && !paused) pieces.push(phase === 'retrying' ? waitingFor : `waits for ${waitingFor}`);
  return pieces.join(', ');
}

export function progressView(stream: NodeJS.WriteStream = process.stderr): ProgressView {
  return stream.isTTY ? bar(stream) : lines();
}

function bar(stream: NodeJS.WriteStream): ProgressView {
  const single = new SingleBar({
    stream,
    format: '{bar} {percentage}% | {words}',
    hideCursor: true,
    clearOnComplete: true,
    noTTYOutput: false,
  });
  let started = false;
  const stop = (): void => {
    if (started) single.stop();
    started = false;
  };
  return {
    update(progress) {
      const total = Math.max(1, progress.records.total);
      if (!started) single.start(total, 0, { words: '' });
      started = true;
      single.setTotal(total);
      single.update(Math.min(total, through(progress)), { words: forTerminal(words(progress)) });
    },
    note(line) {
      stop();
      say(line);
    },
    end: stop,
  };
}

/** At most one line per five seconds, but each phase at once. */
function lines(): ProgressView {
  let last = '';
  let lastPhase = '';
  let at = 0;
  return {
    update(progress) {
      const line = words(progress);
      if (line === last || (progress.phase === lastPhase && Date.now() - at < 5_000)) return;
      last = line;
      lastPhase = progress.phase;
      at = Date.now();
      say(line);
    },
    note: say,
    end: () => undefined,
  };
}

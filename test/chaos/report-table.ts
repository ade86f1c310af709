/** The table of a run, in Markdown. */
import type { Told } from './types.js';

/** The design goal: this many seconds after `kill -9` and an immediate restart, a load has resumed. */
const GOES_ON_WITHIN_S = 20;

export function summaryOf(told: readonly Told[], seed: number): string {
  const failed = told.filter(({ complaints }) => complaints.length > 0);
  const waits = told.flatMap(({ wentOnAfter }) => wentOnAfter).sort((a, b) => a - b);
  const at = (share: number): string => (waits[Math.floor((waits.length - 1) * share)] ?? 0).toFixed(1);
  const late = waits.filter((wait) => wait > GOES_ON_WITHIN_S).length;
  return [
    `${told.length} cases, ${failed.length} failed; seed ${seed}; ${new Date().toISOString().slice(0, 10)}.`,
    `After kill -9 of the only worker (${waits.length} times) the load resumed after ${at(0)} s at least, ${at(0.5)} s in the median, ` +
      `${at(1)} s at most; ${late} times later than ${GOES_ON_WITHIN_S} s.`,
  ].join('\n');
}

export function tableOf(told: readonly Told[], seed: number): string {
  const lines = told.map(({ name, happened, seconds, wentOnAfter, complaints }) => {
    const verdict = complaints.length === 0 ? 'as expected' : `**${complaints.join('; ')}**`;
    const cells = [name, happened, seconds.toFixed(0), wentOnAfter.map((wait) => wait.toFixed(1)).join(', '), verdict];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  });
  return [
    summaryOf(told, seed),
    '',
    '| Case | What happened | Seconds | Resumed after kill -9, s | Verdict |',
    '| --- | --- | ---: | ---: | --- |',
    ...lines,
    '',
  ].join('\n');
}

/** When the load did what, as bars: its phases, what it waited for, and its jobs. */
import type { JobSummary } from '../../contract/load-result.js';
import { foreign, html } from '../html.js';
import type { Content } from '../html.js';
import { section } from '../layout.js';
import { duration, stamp } from './view.js';
import type { ReportView } from './view.js';

/** With more jobs, those that do not overlap share a line. */
const MAX_OWN_LINES = 30;
const MAX_JOBS = 2_000;
const MAX_LINES = 40;
const WIDTH = 1_000;
/** A bar that is too short to see is drawn this wide. */
const MIN_WIDTH = 2;
/** Shorter times without a job are no wait. */
const MIN_GAP_MS = 1_000;

export interface Bar {
  tone: 'phase' | 'wait' | 'send' | 'work' | 'fetch';
  from: number;
  to: number;
}

interface Line {
  name: Content;
  words: string;
  bars: Bar[];
}

export function timeline(view: ReportView): Content {
  const { figures, jobs = [] } = view.result;
  const from = Date.parse(figures.startedAt);
  const to = Math.max(Date.parse(figures.endedAt), from + 1);
  const shown = jobs.filter(({ times }) => times !== undefined).slice(0, MAX_JOBS);
  const lines = [...phaseLines(view, to), ...waitLine(view, shown, to), ...jobLines(shown, to)];
  const left = jobs.length - shown.length;
  return section(
    'Timeline',
    html`<p class="legend">
        ${legend('wait', 'waits')}${legend('send', 'sends rows')}${legend('work', 'Salesforce works')}${legend('fetch', 'fetches and counts results')}
      </p>
      <div class="lanes">
        ${lines.map(
          ({ name, words, bars }) =>
            html`<div>${name}</div>
              ${drawn(words, bars, { from, to })} `,
        )}
        <div></div>
        <div class="axis">
          <span>${stamp(figures.startedAt).slice(11)}</span><span>${duration(to - from)}</span
          ><span>${stamp(figures.endedAt).slice(11)}</span>
        </div>
      </div>
      ${left > 0 ? html`<p class="dim">${left} more jobs are in report.json.</p>` : ''}`,
  );
}

function legend(tone: string, words: string): Content {
  return html`<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${tone}" width="10" height="10" /></svg
    >${words} `;
}

function drawn(words: string, bars: readonly Bar[], { from, to }: { from: number; to: number }): Content {
  const place = (at: number): number => (WIDTH * (Math.min(Math.max(at, from), to) - from)) / (to - from);
  return html`<svg viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" role="img" aria-label="${words}">
    <rect class="track" width="${WIDTH}" height="10" />
    ${bars.map((bar) => {
      const x = Math.min(place(bar.from), WIDTH - MIN_WIDTH);
      const width = Math.max(MIN_WIDTH, place(bar.to) - x);
      return html`<rect class="${bar.tone}" x="${x.toFixed(1)}" width="${width.toFixed(1)}" height="10" />`;
    })}
  </svg>`;
}

/** Phases that occur again, such as a hold for corrections, have one line. */
function phaseLines({ result }: ReportView, end: number): Line[] {
  const { phases, startedAt } = result.figures;
  const begun = [{ phase: 'preparing' as const, at: startedAt }, ...phases];
  const lines = new Map<string, Bar[]>();
  for (const [index, { phase, at }] of begun.entries()) {
    const from = Date.parse(at);
    const to = Date.parse(begun[index + 1]?.at ?? '') || end;
    if (to <= from && index === 0) continue;
    const bars = lines.get(phase) ?? [];
    bars.push({ tone: phase === 'holding' ? 'wait' : 'phase', from, to });
    lines.set(phase, bars);
  }
  return [...lines].map(([phase, bars]) => ({ name: phase, words: `${phase}: ${duration(sum(bars))}`, bars }));
}

/** Pauses, and the times in which the load was loading or retrying without a job. */
function waitLine({ result }: ReportView, jobs: readonly JobSummary[], end: number): Line[] {
  const pauses = result.figures.pauses.map(({ from, to }): Bar => ({
    tone: 'wait',
    from: Date.parse(from),
    to: Date.parse(to),
  }));
  const bars = [...pauses, ...gapsBetween(jobs.map((job) => span(job, end)))];
  return bars.length === 0 ? [] : [{ name: 'waiting', words: `without a job or paused: ${duration(sum(bars))}`, bars }];
}

/** Times between the first and the last job in which none ran. */
export function gapsBetween(spans: readonly Pick<Bar, 'from' | 'to'>[]): Bar[] {
  const gaps: Bar[] = [];
  let until = Infinity;
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    if (from - until >= MIN_GAP_MS) gaps.push({ tone: 'wait', from: until, to: from });
    until = until === Infinity ? to : Math.max(until, to);
  }
  return gaps;
}

function span({ times }: JobSummary, end: number): Pick<Bar, 'from' | 'to'> {
  const { created = end, counted, ended } = times ?? {};
  return { from: created, to: counted ?? ended ?? end };
}

function jobLines(jobs: readonly JobSummary[], end: number): Line[] {
  const sorted = [...jobs].sort((a, b) => firstOf(a) - firstOf(b));
  if (sorted.length <= MAX_OWN_LINES) {
    return sorted.map((job) => ({
      name: foreign(job.id),
      words: `${job.id}, ${job.state}: ${job.records} rows, ${job.failed} failed`,
      bars: barsOf(job, end),
    }));
  }
  return packed(sorted, end).map((bars, at) => ({
    name: at === 0 ? `${sorted.length} jobs` : '',
    words: `jobs, line ${at + 1}`,
    bars,
  }));
}

/** Jobs that do not overlap share a line: there are as many lines as jobs at a time. */
export function packed(sorted: readonly JobSummary[], end: number): Bar[][] {
  const lines: { until: number; bars: Bar[] }[] = [];
  for (const job of sorted) {
    const bars = barsOf(job, end);
    const from = bars[0]?.from ?? end;
    let line = lines.find(({ until }) => until <= from);
    if (line === undefined) {
      if (lines.length < MAX_LINES) lines.push((line = { until: 0, bars: [] }));
      else line = lines[MAX_LINES - 1] as (typeof lines)[number];
    }
    line.bars.push(...bars);
    line.until = Math.max(line.until, bars.at(-1)?.to ?? from);
  }
  return lines.map(({ bars }) => bars);
}

function firstOf({ times }: JobSummary): number {
  return times?.asked ?? times?.created ?? 0;
}

/** A step that did not happen is left out; the last one lasts until the load ended. */
function barsOf({ times }: JobSummary, end: number): Bar[] {
  if (times === undefined) return [];
  const { asked = times.created, created, closed, ended, counted } = times;
  const steps: [Bar['tone'], number, number][] = [
    ['wait', asked, created],
    ['send', created, closed ?? ended ?? counted ?? end],
    ['work', closed ?? end, ended ?? counted ?? end],
    ['fetch', ended ?? end, counted ?? ended ?? end],
  ];
  return steps.filter(([, from, to]) => to > from).map(([tone, from, to]) => ({ tone, from, to }));
}

function sum(bars: readonly Bar[]): number {
  return bars.reduce((total, { from, to }) => total + to - from, 0);
}

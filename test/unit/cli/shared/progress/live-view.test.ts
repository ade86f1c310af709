/** Bars on a terminal, checked by what a terminal makes of the bytes. */
import { afterEach, expect, it, vi } from 'vitest';
import { LiveView } from '../../../../../src/cli/shared/progress/live-view.js';
import { progressView } from '../../../../../src/cli/shared/progress/progress-view.js';
import { Screen } from '../../../../helpers/screen.js';
import { loading, manyParts, part } from './loads.js';

const views: { end(): void }[] = [];
function open(columns = 80, rows = 24, colors = false): { screen: Screen; view: LiveView } {
  const screen = new Screen(columns, rows);
  screen.write('$ nightload watch night\n');
  const view = new LiveView(screen, colors);
  views.push(view);
  return { screen, view };
}
afterEach(() => {
  for (const view of views.splice(0)) view.end();
});

const LISTENED = ['exit', 'SIGTERM', 'SIGTSTP', 'SIGCONT'];
const listeners = (): number => LISTENED.reduce((sum, name) => sum + process.listenerCount(name), 0);

it('draws in place: the same lines change, and what was above stays', () => {
  const { screen, view } = open();
  view.update({ progress: loading() });
  expect(screen.cursorIsHidden).toBe(true);
  const before = screen.lines;
  expect(before[0]).toBe('$ nightload watch night');
  expect(before.at(-1)).toMatch(/^ {2}part 4 {3}\[=+-+\] {2}uploading/);
  view.update({ progress: loading({ parts: loading().parts.map((one) => ({ ...one, processed: 5_000 })) }) });
  expect(screen.lines).toHaveLength(before.length);
  expect(screen.lines.find((line) => line.includes('part 3'))).toContain('5,000 of 10,000');
});

it('writes each redraw in one piece, and nothing that is on the screen already', () => {
  const { screen, view } = open();
  view.update({ progress: manyParts(10) });
  const count = screen.writes.length;
  view.update({ progress: manyParts(10) });
  expect(screen.writes).toHaveLength(count + 1);
  expect(screen.writes.at(-1)).not.toContain('part');
});

it('parts come and go, and leave nothing behind', () => {
  const { screen, view } = open();
  for (const parts of [1, 12, 40, 3, 0, 2]) {
    view.update({ progress: manyParts(parts) });
    expect(screen.lines.length).toBeLessThanOrEqual(24);
    expect(screen.lines.filter((line) => line.startsWith('  part'))).toHaveLength(parts === 40 ? 19 : parts);
  }
});

it('a note stays above the bars; nothing in it controls the terminal', () => {
  const { screen, view } = open();
  view.update({ progress: loading() });
  view.note('No worker polls \u001b[2J');
  view.note('A worker is polling: the load resumes.');
  expect(screen.lines.slice(0, 4)).toEqual([
    '$ nightload watch night',
    'No worker polls <U+001B>[2J',
    'A worker is polling: the load resumes.',
    expect.stringMatching(/^loading/),
  ]);
  expect(screen.lines.filter((line) => line.startsWith('loading'))).toHaveLength(1);
});

it('what others write to the same stream goes above the bars too', () => {
  const { screen, view } = open();
  view.update({ progress: loading() });
  screen.write('[INFO] a line of a worker\n');
  expect(screen.lines.slice(1, 3)).toEqual(['[INFO] a line of a worker', expect.stringMatching(/^loading/)]);
  view.end();
  screen.write('the result\n');
  expect(screen.lines.slice(1)).toEqual(['[INFO] a line of a worker', 'the result']);
});

it('at the end the bars are gone, the cursor is back, and nothing listens any more', () => {
  const before = listeners();
  const { screen, view } = open();
  view.update({ progress: loading() });
  view.end();
  expect(screen.lines).toEqual(['$ nightload watch night']);
  expect(screen.cursorIsHidden).toBe(false);
  expect([listeners(), screen.listenerCount('resize')]).toEqual([before, 0]);
  const written = screen.writes.length;
  view.update({ progress: loading() });
  view.end();
  expect(screen.writes).toHaveLength(written);
});

it('the bars follow the size of the terminal', async () => {
  const { screen, view } = open(100, 24);
  view.update({ progress: manyParts(30) });
  for (let columns = 90; columns > 40; columns -= 10) screen.resize(columns, 12);
  screen.resize(120, 12);
  const written = screen.writes.length;
  // Dragging a window is one redraw.
  await vi.waitFor(() => expect(screen.lines.filter((line) => line.startsWith('  '))).toHaveLength(10));
  expect(screen.writes).toHaveLength(written + 1);
  expect(screen.lines[0]).toBe('$ nightload watch night');
});

it('a terminal that became narrower has broken lines: all their rows are drawn over', async () => {
  const { screen, view } = open(80, 24);
  view.update({ progress: loading({ parts: [part(1)] }) });
  // The lines of the load and of its part were wider than 40 columns: each takes two rows now.
  screen.resize(40, 24);
  await vi.waitFor(() => expect(screen.writes.at(-1)).toMatch(/^.\[2A/));
});

it('colors count as no columns', () => {
  const plain = open();
  const colored = open(80, 24, true);
  for (const { view } of [plain, colored]) view.update({ progress: loading({ waitingFor: 'the file' }) });
  expect(colored.screen.lines).toEqual(plain.screen.lines);
  expect(colored.screen.writes.join('')).toContain('\u001b[33m');
});

it.each([
  ['a terminal', {}, true, true],
  ['NO_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
  ['a dumb terminal', { TERM: 'dumb' }, false, false],
  ['a CI with a terminal', { CI: 'true' }, false, false],
])('%s: bars and colors only where they belong', (_name, env, bars, colors) => {
  const screen = new Screen(200, 24);
  const view = progressView(screen, env);
  views.push(view);
  view.update({ progress: loading({ waitingFor: 'the file' }) });
  const text = screen.writes.join('');
  expect(text).toContain('23,888 of 50,000 rows');
  expect([text.includes('[==='), text.includes('\u001b[33m')]).toEqual([bars, colors]);
});

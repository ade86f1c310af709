/** What a terminal shows of a running load. */
import { expect, it } from 'vitest';
import { screenLines, screenSize } from '../../../../../src/cli/shared/progress/screen.js';
import { painted, textOf, widthOf } from '../../../../../src/cli/shared/progress/text-lines.js';
import type { Shown } from '../../../../../src/cli/shared/progress/figures.js';
import { loading, manyParts, NOW, part } from './loads.js';

const lines = (shown: Shown, columns = 80, rows = 24): string[] =>
  screenLines(shown, { columns, rows }, NOW).map((line) => textOf(line).trimEnd());

it('a bar for the load and one for each running part, with rows, speed, estimate, failed rows and requests', () => {
  const shown = { progress: loading(), apiRequests: 61, rowsPerSecond: 1_240.4, endsAt: NOW + 118_000 };
  expect(lines(shown, 100)).toEqual([
    'loading    [==============----------------]   47 %  23,888 of 50,000 rows',
    '           1,240 rows/s  about 2 min left  2 of 5 parts done',
    '           112 failed  61 API requests',
    '  part 3   [======----------]  processing    4,000 of 10,000  12 failed  750sm0000000003AAA',
    '  part 4   [========--------]  uploading     50 % sent  750sm0000000004AAA',
  ]);
});

it('a narrow terminal gets the same without bars, and no line is too wide', () => {
  const progress = loading({ waitingFor: `the file ${'名'.repeat(200)}` });
  const shown = { progress, apiRequests: 61, rowsPerSecond: 1_240.4, endsAt: NOW + 118_000 };
  const narrow = lines(shown, 40);
  expect(narrow.slice(0, 4)).toEqual([
    'loading   47 %  23,888 of 50,000 rows',
    '  1,240 rows/s  about 2 min left',
    '  2 of 5 parts done',
    '  112 failed  61 API requests',
  ]);
  expect(narrow).toContain('  part 3  processing  4,000 of 10,000');
  for (let columns = 8; columns < 130; columns++) {
    for (const line of screenLines(shown, { columns, rows: 24 }, NOW))
      expect(widthOf(line), `${columns} columns`).toBeLessThan(columns);
  }
});

it.each([
  [200, 24, 'and 181 more parts'],
  [30, 10, 'and 25 more parts'],
  [8, 10, 'and 3 more parts'],
])('%i running parts on %i rows: %s', (count, rows, last) => {
  const shown = lines({ progress: manyParts(count) }, 80, rows);
  expect(shown).toHaveLength(rows - 1);
  expect(shown.at(-1)).toBe(`  ${last}`);
});

it('parts that fit are all shown, and a screen of a few rows shows the load', () => {
  expect(lines({ progress: manyParts(6) }, 80, 10).join('\n')).not.toContain('more');
  for (const rows of [1, 2, 3]) expect(lines({ progress: manyParts(6) }, 80, rows)[0]).toMatch(/^loading/);
});

it('a pause and a wait are visible, in the words of the load', () => {
  const text = (more: object): string => lines({ progress: loading(more) }, 120).join('\n');
  expect(text({ waitingFor: "the org's allocation" })).toContain("waits for the org's allocation");
  expect(text({ paused: true, waitingFor: 'resume' })).toContain('paused: no new job starts');
  expect(text({ phase: 'retrying', waitingFor: 'sorting the failed rows' })).toMatch(/^ +sorting the failed rows$/m);
  const asking = [part(1), part(2, { phase: 'waiting', waitingFor: 'behind 1 part' })];
  expect(text({ parts: asking })).toContain('1 part waits for allocation');
  expect(text({ parts: asking })).not.toContain('part 2');
});

it('texts of others cannot control the terminal', () => {
  const shown = lines({ progress: loading({ waitingFor: 'a\u001b[2J\r\u202e\nb' }) });
  expect(shown.join('')).toContain('waits for a [2J b');
  expect(shown.join('')).not.toMatch(/[\p{Cc}\u202e]/u);
});

it('a forecast takes the place of the time left', () => {
  const at = (minutes: number): string => new Date(NOW + 60_000 * minutes).toISOString();
  const forecast = { endsAt: at(40), earliest: at(30), latest: at(60), finishBy: at(50), late: false };
  const text = lines({ progress: { ...loading(), forecast }, endsAt: NOW + 60_000 }, 160).join('\n');
  expect(text).toMatch(/ends about .*UTC \(.* to .*\), should end by .*UTC/);
  expect(text).not.toContain('left');
});

it('before the rows are counted there is no bar; after the retries failed rows are rejected ones', () => {
  const records = { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 };
  expect(lines({ progress: { phase: 'preparing', records, parts: [], paused: false } })).toEqual(['preparing']);
  const held = { total: 100, succeeded: 95, rejected: 5, unprocessed: 0, unaccounted: 0 };
  const text = lines({ progress: loading({ phase: 'holding', records: held, ended: 100, parts: [] }) }).join('\n');
  expect(text).toContain('100 %  100 of 100 rows');
  expect(text).toContain('5 rejected');
});

it('colors only where the terminal has them', () => {
  const shown = { progress: loading() };
  const all = (colors: boolean): string =>
    screenLines(shown, { columns: 100, rows: 24 }, NOW)
      .map((line) => painted(line, colors))
      .join('');
  expect(all(true)).toContain('\u001b[31m112 failed\u001b[39m');
  expect(all(false)).not.toContain('\u001b');
});

it('a stream without a size is a screen of 80 by 24', () => {
  expect(screenSize({})).toEqual({ columns: 80, rows: 24 });
  expect(screenSize({ columns: 0, rows: 0 })).toEqual({ columns: 80, rows: 24 });
  expect(screenSize({ columns: 132, rows: 50 })).toEqual({ columns: 132, rows: 50 });
});

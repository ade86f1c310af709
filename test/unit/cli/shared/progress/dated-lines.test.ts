/** Progress in logs and pipes. */
import { expect, it } from 'vitest';
import { DatedLines } from '../../../../../src/cli/shared/progress/dated-lines.js';
import type { LoadProgress } from '../../../../../src/contract/load-progress.js';
import { loading, manyParts, NOW, part } from './loads.js';

it('one line for the load, one for each running part, and then only what changes', () => {
  const lines = new DatedLines();
  const at = (seconds: number, progress: LoadProgress): string[] =>
    lines.update({ progress, apiRequests: 9 }, NOW + seconds * 1_000);
  expect(at(0, loading())).toEqual([
    '2026-11-26T05:00:00Z part 3: processing, 4,000 of 10,000 rows, 12 failed, job 750sm0000000003AAA',
    '2026-11-26T05:00:00Z part 4: uploading, 0 of 10,000 rows, job 750sm0000000004AAA',
    '2026-11-26T05:00:00Z loading, 23,888 of 50,000 rows (47 %), 2 of 5 parts done, 112 failed, 9 API requests',
  ]);
  expect(at(1, loading())).toEqual([]);
  const ended = loading().parts.map((one) => (one.n === 3 ? part(3, { phase: 'done', processed: 10_000 }) : one));
  expect(at(2, loading({ parts: ended }))).toEqual([
    '2026-11-26T05:00:02Z part 3: done, 10,000 of 10,000 rows, job 750sm0000000003AAA',
  ]);
  expect(at(3, loading({ parts: ended, paused: true }))).toHaveLength(1);
  expect(at(4, loading({ parts: ended, phase: 'retrying' }))[0]).toMatch(/Z retrying, /);
});

it('rows alone are worth a line every 30 seconds, and none while they stay the same', () => {
  const lines = new DatedLines();
  const said = Array.from({ length: 121 }, (_, second) => {
    const progress = manyParts(3, { processed: 50 * Math.min(second, 70) });
    return lines.update({ progress }, NOW + second * 1_000).length;
  });
  // The load and its three parts at first; then every half minute until the rows stand still.
  expect(said.flatMap((count, second) => (count > 0 ? [[second, count]] : []))).toEqual([
    [0, 4],
    [30, 1],
    [60, 1],
    [90, 1],
  ]);
});

it('nothing in a line controls a terminal or begins another line', () => {
  const progress = loading({ waitingFor: 'x\u001b[2J\r\n2026-11-26T05:00:00Z done \u202e' });
  for (const line of new DatedLines().update({ progress }, NOW)) expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
});

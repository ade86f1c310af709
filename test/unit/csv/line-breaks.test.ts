import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeCells } from '../../../src/csv/cells.js';
import { withLineBreaks } from '../../../src/csv/line-breaks.js';
import { comparableCell } from '../../../src/activities/orphans/row-checksums.js';

describe('line breaks inside of cells', () => {
  const TEXT = fc.array(fc.constantFrom('\r', '\n', 'a', '')).map((signs) => signs.join(''));

  test.each(['\n', '\r\n'] as const)('are written in one form: %j', (lineBreak) => {
    fc.assert(
      fc.property(TEXT, (text) => {
        expect(withLineBreaks(text, lineBreak)).toBe(text.replaceAll(/\r*\n/g, lineBreak));
      }),
    );
  });

  // 131 KB took 12 s, and a file of five such cells stopped a worker.
  test('take linear time, however many carriage returns are not part of a line ending', () => {
    const returns = `${'\r'.repeat(2_000_000)}x\n`;
    const begun = performance.now();
    withLineBreaks(returns, '\n');
    withLineBreaks(returns, '\r\n');
    writeCells([returns], ',', 'LF');
    comparableCell(returns);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

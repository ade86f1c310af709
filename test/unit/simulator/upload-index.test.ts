/** The transactions that the check of an upload finds are those that a parser of the whole file would find. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, expect, it } from 'vitest';
import { checkUpload } from '../../../src/simulator/jobs/upload-check.js';
import { parsedRows } from '../../../src/simulator/jobs/upload.js';
import { randomFrom } from '../../../src/simulator/random.js';

const folder = mkdtempSync(join(tmpdir(), 'nightload-index-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function randomCsv(random: () => number, end: string): string {
  const cell = (): string => {
    const kind = random();
    if (kind < 0.3) return `"${['a,b', 'a""b', `a${end}b`, '', end, '""'][Math.floor(random() * 6)]}"`;
    return kind < 0.5 ? '' : 'x'.repeat(Math.floor(random() * 30));
  };
  const count = Math.floor(random() * 900);
  let csv = random() < 0.3 ? end.repeat(2) : '';
  csv += `Name,"Ph${random() < 0.5 ? end : ''}one"${end}`;
  for (let i = 0; i < count; i++)
    csv += `y${cell()}`.replace('y"', '"') + `,${cell()}${end}${random() < 0.02 ? end : ''}`;
  return random() < 0.5 ? csv : csv.slice(0, -end.length);
}

it.each(['\n', '\r\n'])('with the line ending %j', async (end) => {
  const random = randomFrom(end.length);
  const path = join(folder, 'upload.csv');
  for (let round = 0; round < 60; round++) {
    const csv = Buffer.from(randomCsv(random, end));
    writeFileSync(path, csv);
    const rules = {
      lineEnding: end === '\n' ? 'LF' : 'CRLF',
      delimiter: ',',
      breaksInCells: true,
      blankBeforeQuote: false,
    };
    const index = await checkUpload(path, rules);
    if (typeof index === 'string') throw new Error(index);
    const [, ...expected] = parse(csv, {
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ['\r\n', '\n'],
    });
    expect(index.rows).toBe(expected.length);
    const found: string[][] = [];
    for (const [i, start] of index.starts.slice(0, -1).entries()) {
      const part = csv.subarray(start, index.starts[i + 1]);
      const rows = parsedRows(part, { delimiter: ',', strayQuotes: false, offset: start });
      expect(rows.length).toBe(Math.min(200, expected.length - i * 200));
      found.push(...rows.map(({ cells }) => cells));
    }
    expect(found).toEqual(expected);
  }
});

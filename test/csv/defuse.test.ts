/** Copies for spreadsheets: no cell of them is run, and what is a number stays one. */
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { defuseCell, defused, FOR_PEOPLE_TITLE } from '../../src/csv/defuse.js';
import { inChunks } from './support.js';

it.each([
  '=1+1',
  '=HYPERLINK("http://x","y")',
  '+cmd|x',
  '-2+3+cmd',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  ' =1',
  '\n@x',
  '＝1',
  '\0=1',
  '-',
  '+49 89 1234',
])('defuses %j', (cell) => expect(defuseCell(cell)).toBe(`'${cell}`));

it.each(['', 'a=b', '42', '-42', '+4.5', '-1,5', "'=1", '#N/A', 'x\n=1'])('leaves %j', (cell) =>
  expect(defuseCell(cell)).toBe(cell),
);

it('copies a file whole, headers and all, and marks it', async () => {
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

/** Accounts for the demo: always the same, a few percent of them bad in each of the ways that real files are. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeCells } from '../../../csv/cells.js';

const HEADER = ['External_Id__c', 'Name', 'Industry', 'Rating', 'AnnualRevenue', 'Email__c', 'Description'];
const INDUSTRIES = ['Agriculture', 'Banking', 'Energy', 'Retail', 'Technology'];
const RATINGS = ['Hot', 'Warm', 'Cold'];

/** One account; its number modulo some value decides what is wrong with it, if anything. */
function account(n: number): string[] {
  const key = `DEMO-${String(n).padStart(6, '0')}`;
  const row = [
    key,
    `Account ${n}`,
    INDUSTRIES[n % 5] as string,
    RATINGS[n % 3] as string,
    String((n * 7_919) % 90_000_000),
    `office-${n}@example.com`,
    `First line about account ${n},\nand a second one with a "quote".`,
  ];
  switch (n % 200) {
    case 17:
      row[1] = '';
      break;
    case 43:
      row[1] = `Account ${n} ${'with a very long name '.repeat(12)}`;
      break;
    case 71:
      row[3] = 'Terrible';
      break;
    case 111:
      row[5] = `office-${n}-at-example.com`;
      break;
    case 29:
    case 83:
    case 157:
      row[6] = `${row[6]} [locked once]`;
      break;
  }
  return row;
}

export async function writeDemoAccounts(path: string, count: number): Promise<void> {
  function* lines(): Generator<string> {
    yield writeCells(HEADER, ',', 'LF');
    for (let n = 1; n <= count; n++) yield writeCells(account(n), ',', 'LF');
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

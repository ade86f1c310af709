/**
 * Unusual files, each loaded through a real worker: the rows land correctly, or the file is refused before a job
 * exists.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  world.org.seedRecords('Account', [{ External_Id__c: 'parent', Name: 'Parent' }]);
});
afterAll(() => world.end());

/** By default, an upsert of accounts by `External_Id__c`. */
interface OddFile {
  file: string;
  content: string | Buffer;
  input?: Partial<BulkLoadInput>;
}
interface Landing extends OddFile {
  /** Created records, found by `External_Id__c`. */
  lands: Row[];
}
interface Refusal extends OddFile {
  code: string;
  says?: RegExp;
}

const INSERT = { operation: 'insert' } as const;
const CONTACT = { object: 'Contact' } as const;
const LEAD = { object: 'Lead' } as const;

function long(head: string, rows: number, row: (n: number) => string): string {
  return head + Array.from({ length: rows }, (_, i) => row(i + 1)).join('');
}

/** Placeholders in expected rows for ids that only the org knows. */
const OWNER = '<owner>';
const PARENT = '<parent>';

const LANDINGS: Landing[] = [
  {
    file: 'byte order mark',
    content: '\uFEFFExternal_Id__c,Name\nbom-1,Ärger & Söhne 😀\n',
    lands: [{ External_Id__c: 'bom-1', Name: 'Ärger & Söhne 😀' }],
  },
  {
    file: 'byte order mark before a quoted header',
    content: '\uFEFF"External_Id__c","Name"\n"bom-2","Two"\n',
    lands: [{ External_Id__c: 'bom-2', Name: 'Two' }],
  },
  {
    file: 'CRLF everywhere, in quotes too',
    content: 'External_Id__c,Name,Description\r\ncrlf-1,One,"a\r\nb"\r\ncrlf-2,Two,c\r\n',
    lands: [
      { External_Id__c: 'crlf-1', Description: 'a\r\nb' },
      { External_Id__c: 'crlf-2', Description: 'c' },
    ],
  },
  {
    file: 'CRLF in quotes, LF after rows',
    content: 'External_Id__c,Name,Description\nmixed-1,One,"a\r\nb"\nmixed-2,Two,"c\nd"\n',
    lands: [
      { External_Id__c: 'mixed-1', Description: 'a\nb' },
      { External_Id__c: 'mixed-2', Description: 'c\nd' },
    ],
  },
  {
    file: 'LF in quotes, CRLF after rows',
    content: 'External_Id__c,Name,Description\r\nmixed-3,One,"a\nb"\r\n',
    lands: [{ External_Id__c: 'mixed-3', Description: 'a\nb' }],
  },
  {
    file: 'rows that end with LF and with CRLF',
    content: 'External_Id__c,Name\nmixed-4,One\r\nmixed-5,Two\n',
    lands: [
      { External_Id__c: 'mixed-4', Name: 'One' },
      { External_Id__c: 'mixed-5', Name: 'Two' },
    ],
  },
  {
    file: 'no line end after the last row',
    content: 'External_Id__c,Name\nlast-1,One\nlast-2,Two',
    lands: [
      { External_Id__c: 'last-1', Name: 'One' },
      { External_Id__c: 'last-2', Name: 'Two' },
    ],
  },
  {
    file: 'empty last lines',
    content: 'External_Id__c,Name\nempty-1,One\n\n\n\n',
    lands: [{ External_Id__c: 'empty-1', Name: 'One' }],
  },
  {
    file: 'empty lines before and between, of both kinds',
    content: '\n\r\nExternal_Id__c,Name\r\n\r\nempty-2,One\r\n\nempty-3,Two\r\n',
    lands: [
      { External_Id__c: 'empty-2', Name: 'One' },
      { External_Id__c: 'empty-3', Name: 'Two' },
    ],
  },
  {
    file: 'semicolons, with commas in cells',
    content: 'External_Id__c;Name;Description\nsemi-1;Acme, Inc.;"a;b"\n',
    lands: [{ External_Id__c: 'semi-1', Name: 'Acme, Inc.', Description: 'a;b' }],
  },
  {
    file: 'tabs',
    content: 'External_Id__c\tName\ntab-1\tAcme, Inc.; the first\n',
    lands: [{ External_Id__c: 'tab-1', Name: 'Acme, Inc.; the first' }],
  },
  {
    file: 'UTF-16 with its encoding said',
    content: Buffer.from('\uFEFFExternal_Id__c\tName\r\nwide-1\tÄrger 😀\r\n', 'utf16le'),
    input: { encoding: 'utf-16' },
    lands: [{ External_Id__c: 'wide-1', Name: 'Ärger 😀' }],
  },
  {
    file: 'UTF-16 of the other byte order, without a mark, with its encoding said',
    content: Buffer.from('External_Id__c,Name\nwide-2,Ärger 😀\n', 'utf16le').swap16(),
    input: { encoding: 'UTF-16BE' },
    lands: [{ External_Id__c: 'wide-2', Name: 'Ärger 😀' }],
  },
  {
    file: 'Windows-1252 with its encoding said',
    content: Buffer.from('External_Id__c;Name\r\nwin-1;M\xfcller \x80 5\r\n', 'latin1'),
    input: { encoding: 'windows-1252' },
    lands: [{ External_Id__c: 'win-1', Name: 'Müller € 5' }],
  },
  {
    file: 'gzip',
    content: gzipSync('External_Id__c,Name\ngzip-1,Ärger\n'),
    lands: [{ External_Id__c: 'gzip-1', Name: 'Ärger' }],
  },
  {
    file: 'gzip of UTF-16 with its encoding said',
    content: gzipSync(Buffer.from('\uFEFFExternal_Id__c,Name\ngzip-2,Ärger\n', 'utf16le')),
    input: { encoding: 'utf-16' },
    lands: [{ External_Id__c: 'gzip-2', Name: 'Ärger' }],
  },
  {
    file: 'labels in the header, with mapLabels',
    content: 'External Id,account name,Account Description\nlabel-1,One,said\n',
    input: { mapLabels: true },
    lands: [{ External_Id__c: 'label-1', Name: 'One', Description: 'said' }],
  },
  {
    file: 'API names in the wrong case',
    content: 'external_id__C,NAME,description\ncase-1,One,said\n',
    input: { externalIdFieldName: 'EXTERNAL_ID__C' },
    lands: [{ External_Id__c: 'case-1', Name: 'One', Description: 'said' }],
  },
  {
    file: 'owner by e-mail and parent by external id',
    content:
      'External_Id__c,LastName,Owner.Email,account.external_id__c\nrel-1,Doe,integration@nightload.example,parent\n',
    input: CONTACT,
    lands: [{ External_Id__c: 'rel-1', LastName: 'Doe', OwnerId: OWNER, AccountId: PARENT }],
  },
  {
    file: 'parent of the same object by external id',
    content: 'External_Id__c,Name,Parent.External_Id__c\nrel-2,One,parent\n',
    lands: [{ External_Id__c: 'rel-2', ParentId: PARENT }],
  },
  {
    file: 'owner that may be of two objects, named with one',
    content: 'External_Id__c,LastName,Company,User:Owner.Email\nrel-3,Doe,Acme,integration@nightload.example\n',
    input: LEAD,
    lands: [{ External_Id__c: 'rel-3', OwnerId: OWNER }],
  },
  {
    file: 'columns of an earlier result file',
    content: 'sf__Id,sf__Error,External_Id__c,Name\n,"REQUIRED_FIELD_MISSING:Required fields:Name --",result-1,One\n',
    lands: [{ External_Id__c: 'result-1', Name: 'One' }],
  },
  {
    file: 'Shift_JIS with its encoding said, letters with bytes of pipes and backslashes',
    // sjis-1|表|ポ|
    content: Buffer.from(
      '45787465726e616c5f49645f5f637c4e616d657c4465736372697074696f6e0a736a69732d317c955c7c837c5e0a',
      'hex',
    ),
    input: { encoding: 'Shift-JIS' },
    lands: [{ External_Id__c: 'sjis-1', Name: '表', Description: 'ポ^' }],
  },
  {
    file: 'what a spreadsheet leaves: rows and a column without any value',
    content: 'External_Id__c,Name,\nsheet-1,One,\n,,\nsheet-2,Two,\n"","",""\n,,\n',
    input: INSERT,
    lands: [
      { External_Id__c: 'sheet-1', Name: 'One' },
      { External_Id__c: 'sheet-2', Name: 'Two' },
    ],
  },
  {
    file: 'a mapping of one column to two fields',
    content: 'KEY,Title\nboth-1,One\n',
    input: { columns: { Key: 'External_Id__c', title: 'Name,Description' }, columnsIfPresent: { Missing: 'Phone' } },
    lands: [{ External_Id__c: 'both-1', Name: 'One', Description: 'One' }],
  },
  {
    file: 'doubled quotes',
    content: 'External_Id__c,Name\nquote-1,"Acme ""the first"", Inc."\n',
    lands: [{ External_Id__c: 'quote-1', Name: 'Acme "the first", Inc.' }],
  },
];

const REFUSALS: Refusal[] = [
  {
    file: 'UTF-16',
    content: Buffer.from('\uFEFFExternal_Id__c,Name\nx-1,One\n', 'utf16le'),
    code: 'CSV_NOT_UTF8',
    says: /--encoding utf-16le/,
  },
  {
    file: 'UTF-16 without a mark',
    content: Buffer.from('External_Id__c,Name\nx-1,One\n', 'utf16le').swap16(),
    code: 'CSV_NOT_UTF8',
    says: /--encoding utf-16be/,
  },
  {
    file: 'Windows-1252',
    content: Buffer.from('External_Id__c,Name\nx-1,M\xfcller\n', 'latin1'),
    code: 'CSV_NOT_UTF8',
    says: /load it with --encoding, or/,
  },
  {
    file: 'a byte that is not UTF-8 far from the beginning',
    content: Buffer.concat([
      Buffer.from(long('External_Id__c,Name\n', 12_000, (n) => `far-${n},Account number ${n}\n`)),
      Buffer.from('x-1,M\xfcller\n', 'latin1'),
    ]),
    code: 'CSV_NOT_UTF8',
    says: /data row 12001/,
  },
  {
    file: 'another encoding than was said',
    content: Buffer.from('\uFEFFExternal_Id__c,Name\nx-1,One\n', 'utf16le'),
    input: { encoding: 'windows-1252' },
    code: 'CSV_NOT_DECODABLE',
    says: /--encoding utf-16le/,
  },
  {
    file: 'an encoding that is none',
    content: 'External_Id__c,Name\nx-1,One\n',
    input: { encoding: 'klingon' },
    code: 'ENCODING_UNKNOWN',
    says: /"klingon"/,
  },
  {
    file: 'gzip that was cut off',
    content: gzipSync(long('External_Id__c,Name\n', 500, (n) => `x-${n},${n * 7919}\n`)).subarray(0, -100),
    code: 'SOURCE_GZIP_TRUNCATED',
  },
  {
    file: 'an unclosed quote',
    content: 'External_Id__c,Name\nx-1,"One\nx-2,Two\n',
    code: 'CSV_UNCLOSED_QUOTE',
    says: /Data row 1 /,
  },
  {
    file: 'an unclosed quote in the header',
    content: 'External_Id__c,"Name\nx-1,One\n',
    code: 'CSV_UNCLOSED_QUOTE',
    says: /header/,
  },
  {
    file: 'a quote in a cell without quotes',
    content: `${long('External_Id__c,Name\n', 1_500, (n) => `x-${n},One\n`)}x-1501,Rack 19" wide\n`,
    code: 'CSV_INVALID',
    says: /Data row 1501 has a misplaced quote/,
  },
  {
    file: 'text after a closing quote',
    content: 'External_Id__c,Name\nx-1,"Acme" Inc.\n',
    code: 'CSV_INVALID',
    says: /Data row 1 has a misplaced quote/,
  },
  {
    file: 'a blank before a quote',
    content: 'External_Id__c,Name\nx-1, "Acme"\n',
    code: 'CSV_INVALID',
    says: /Data row 1 has a misplaced quote/,
  },
  {
    file: 'a row with a cell more',
    content: 'External_Id__c,Name\nx-1,One\nx-2,Two, Inc.\n',
    code: 'CSV_RAGGED_ROW',
    says: /Data row 2 has 3 cells, the header has 2/,
  },
  {
    file: 'a row with a cell less',
    content: 'External_Id__c,Name,Description\nx-1,One,a\nx-2,Two\n',
    code: 'CSV_RAGGED_ROW',
    says: /Data row 2 has 2 cells, the header has 3/,
  },
  {
    file: 'a row with a cell more behind the first thousand, with checkRows',
    content: `${long('External_Id__c,Name\n', 1_500, (n) => `x-${n},One\n`)}x-1501,Two, Inc.\n`,
    input: { checkRows: true },
    code: 'ROWS_WOULD_FAIL',
    says: /1 of 1501 rows would fail \(ROW_RAGGED 1\).* data row 1501/,
  },
  {
    file: 'lines that end with CR alone',
    content: 'External_Id__c,Name\rx-1,One\rx-2,Two\r',
    code: 'CSV_LINE_ENDING',
  },
  {
    file: 'a NUL byte',
    content: 'External_Id__c,Name\nx-1,One\nx-2,Tw\0o\n',
    code: 'CSV_NUL',
    says: /data row 2/,
  },
  {
    file: 'a cell of 200,000 characters',
    content: `External_Id__c,Name,Description\nx-1,One,a\nx-2,Two,${'x'.repeat(200_000)}\n`,
    code: 'CSV_CELL_TOO_LONG',
    says: /Data row 2 has 200000 characters in the column "Description"/,
  },
  { file: 'nothing', content: '', code: 'SOURCE_EMPTY' },
  { file: 'only a header', content: 'External_Id__c,Name\n', code: 'SOURCE_EMPTY', says: /no data rows/ },
  { file: 'a header and blank lines', content: 'External_Id__c,Name\r\n\r\n\r\n', code: 'SOURCE_EMPTY' },
  {
    file: 'a picture',
    content: Buffer.from('89504e470d0a1a0a0000000d49484452000000100000001008060000001ff3ff61', 'hex'),
    code: 'CSV_NOT_UTF8',
    says: /binary file/,
  },
  {
    file: 'JSON',
    content: '[{"External_Id__c": "x-1", "Name": "One"}]\n',
    code: 'SOURCE_NOT_CSV',
    says: /JSON/,
  },
  {
    file: 'JSON on many lines',
    content: JSON.stringify([{ External_Id__c: 'x-1', Name: 'One' }], null, 2),
    code: 'SOURCE_NOT_CSV',
  },
  {
    file: 'a page of a login',
    content: '\n<!DOCTYPE html>\n<html><head><title>Login</title></head></html>\n',
    code: 'SOURCE_NOT_CSV',
    says: /HTML/,
  },
  {
    file: 'gzip of Windows-1252',
    content: gzipSync(Buffer.from('External_Id__c,Name\nx-1,\xc4rger\n', 'latin1')),
    code: 'CSV_NOT_UTF8',
    says: /byte offset 24\..*load it with --encoding, or/,
  },
  {
    file: 'gzip in gzip',
    content: gzipSync(gzipSync('External_Id__c,Name\nx-1,One\n')),
    code: 'SOURCE_NOT_CSV',
    says: /compressed twice/,
  },
  {
    file: 'a page in gzip',
    content: gzipSync('%PDF-1.7\n%âãÏÓ\n'),
    code: 'SOURCE_NOT_CSV',
    says: /PDF/,
  },
  {
    file: 'UTF-8 that is called UTF-16',
    content: 'External_Id__c,Name\nx-1,Größe\n',
    input: { encoding: 'utf-16' },
    code: 'CSV_NOT_DECODABLE',
    says: /UTF-8 text at byte offset 0\. Load it without --encoding/,
  },
  {
    file: 'lines that end with CR after a header that ends with LF',
    content: 'External_Id__c\nx-1\rx-2\r',
    input: { constants: { Name: 'One' } },
    code: 'CSV_LINE_ENDING',
    says: /Data row 1 has a carriage return outside quotes .*byte offset 18/,
  },
  {
    file: 'the same as it is',
    content: 'External_Id__c,Name\n\rx-1,One\n\rx-2,Two\n\r',
    code: 'CSV_LINE_ENDING',
  },
  {
    file: 'an Excel workbook',
    content: Buffer.concat([
      Buffer.from(
        '504b03041400060008000000210062ee9d685e01000090040000130000005b436f6e74656e745f54797065735d2e786d6c',
        'hex',
      ),
      deflateRawSync(long('<Types>', 200, (n) => `<Override PartName="/xl/sheet${n * 7919}.xml"/>`)),
    ]),
    code: 'SOURCE_NOT_CSV',
    says: /Excel workbook/,
  },
  {
    file: 'a first line for Excel',
    content: 'sep=;\r\nExternal_Id__c;Name\r\nx-1;One\r\n',
    code: 'CSV_SEP_LINE',
  },
  {
    file: 'two columns of one name',
    content: 'External_Id__c,Name,NAME\nx-1,One,Two\n',
    code: 'HEADER_DUPLICATE_COLUMN',
    says: /Columns 2 and 3/,
  },
  {
    file: 'a column without a name',
    content: 'External_Id__c,Name,\nx-1,One,Two\n',
    code: 'HEADER_EMPTY_NAME',
    says: /Column 3 .*data row 1 .*--map '='/,
  },
  {
    file: 'labels in the header',
    content: 'External_Id__c,Account Name\nx-1,One\n',
    code: 'HEADER_LABEL_COLUMN',
    says: /`Name`.*--map-labels/,
  },
  {
    file: 'a misspelt column',
    content: 'External_Id__c,Name,Anual Revenue\nx-1,One,1\n',
    code: 'HEADER_UNKNOWN_COLUMN',
    says: /did you mean `AnnualRevenue`/,
  },
  {
    file: 'a column that cannot be written',
    content: 'External_Id__c,Name,Display_Name__c\nx-1,One,Two\n',
    code: 'HEADER_NOT_WRITABLE',
    says: /formula/,
  },
  {
    file: 'a misspelt relationship',
    content: 'External_Id__c,LastName,Acount.External_Id__c\nx-1,Doe,parent\n',
    input: CONTACT,
    code: 'HEADER_RELATIONSHIP_UNKNOWN',
    says: /did you mean `Account.External_Id__c`/,
  },
  {
    file: 'a parent by what finds none',
    content: 'External_Id__c,LastName,Account.Phone\nx-1,Doe,1\n',
    input: CONTACT,
    code: 'HEADER_RELATIONSHIP_FIELD',
    says: /External_Id__c/,
  },
  {
    file: 'an owner that may be of two objects',
    content: 'External_Id__c,LastName,Company,Owner.Email\nx-1,Doe,Acme,integration@nightload.example\n',
    input: LEAD,
    code: 'HEADER_RELATIONSHIP_TYPE_NEEDED',
    says: /User:Owner.Email/,
  },
  {
    file: 'two required columns missing',
    content: 'FirstName,Email\nJane,jane@example.com\n',
    input: { ...LEAD, ...INSERT },
    code: 'HEADER_REQUIRED_MISSING',
    says: /`LastName`.*`Company`/,
  },
  {
    file: 'ids on an insert',
    content: 'Id,Name\n001000000000001AAA,One\n',
    input: INSERT,
    code: 'HEADER_ID_ON_INSERT',
  },
  {
    file: 'no ids on an update',
    content: 'External_Id__c,Name\nx-1,One\n',
    input: { operation: 'update' },
    code: 'HEADER_NO_ID',
  },
  {
    file: 'an unknown object',
    content: 'External_Id__c,Name\nx-1,One\n',
    input: { object: 'Acount' },
    code: 'OBJECT_NOT_FOUND',
  },
  {
    file: 'an external id that is none',
    content: 'External_Id__c,Name\nx-1,One\n',
    input: { externalIdFieldName: 'Name' },
    code: 'EXTERNAL_ID_NOT_USABLE',
    says: /External_Id__c/,
  },
  {
    file: 'a missing external id',
    content: 'External_Id__c,Name\nx-1,One\n',
    input: { externalIdFieldName: 'External_ID_c' },
    code: 'EXTERNAL_ID_UNKNOWN',
    says: /did you mean `External_Id__c`/,
  },
  {
    file: 'no column of the external id',
    content: 'Name,Phone\nOne,1\n',
    code: 'HEADER_NO_EXTERNAL_ID',
  },
];

let count = 0;
async function source(content: string | Buffer): Promise<string> {
  const path = join(world.folder, `odd-${++count}.csv`);
  await writeFile(path, content);
  return pathToFileURL(path).href;
}

function idOf(object: string, field: string, value: string): string | undefined {
  return world.org.records(object).find(({ values }) => values.get(field) === value)?.id;
}

describe('lands', () => {
  it.each(LANDINGS.map((odd) => [odd.file, odd] as const))('%s', async (_, { content, input = {}, lands }) => {
    const { org } = world;
    const object = input.object ?? 'Account';
    const [jobs, before] = [org.jobs().length, org.records(object).length];
    const result = await world.load({ ...input, source: await source(content) });
    expect(result.error).toBeUndefined();
    expect(result).toMatchObject({
      state: 'Completed',
      balanced: true,
      jobsTotal: 1,
      records: { total: lands.length, succeeded: lands.length, rejected: 0, unprocessed: 0, unaccounted: 0 },
    });
    expect(org.jobs()).toHaveLength(jobs + 1);
    expect(org.jobs().at(-1)).toMatchObject({ state: 'JobComplete', uploads: 1 });
    const records = org.records(object);
    expect(records).toHaveLength(before + lands.length);
    const ids = new Map([
      [OWNER, idOf('User', 'Email', 'integration@nightload.example')],
      [PARENT, idOf('Account', 'External_Id__c', 'parent')],
    ]);
    for (const row of lands) {
      const found = records.find(({ values }) => values.get('External_Id__c') === row['External_Id__c']);
      const wanted = Object.entries(row).map(([name, value]) => [name, ids.get(value) ?? value] as const);
      expect(Object.fromEntries(found?.values ?? [])).toMatchObject(Object.fromEntries(wanted));
      expect(found?.applied).toBe(1);
    }
  });
});

describe('is refused before a job exists', () => {
  it.each(REFUSALS.map((odd) => [odd.file, odd] as const))('%s', async (_, { content, input = {}, code, says }) => {
    const { org } = world;
    const object = input.object ?? 'Account';
    const counts = (): number[] => [org.jobs().length, org.records(object).length];
    const before = counts();
    const result = await world.load({ ...input, source: await source(content) });
    expect(result.error).toMatchObject({ code, message: expect.stringMatching(says ?? /\.$/) as string });
    expect(result).toMatchObject({
      state: 'Failed',
      jobsTotal: 0,
      records: { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 },
    });
    expect(counts()).toEqual(before);
  });
});

describe('an API version that ends', () => {
  let org: World;
  beforeAll(async () => {
    org = await openWorld({ deprecation: { upTo: 66, end: "Summer '28, says the platform" } });
  });
  afterAll(() => org.end());

  it('is one warning in the result, in our own words, however many replies announce it', async () => {
    const source = await org.csv(accounts(30));
    const handle = await org.start({ source, part: { maxBytes: 1_000 } });
    const result = await handle.result();
    expect(result.jobsTotal).toBeGreaterThan(1);
    expect(result.warnings).toEqual([
      expect.stringMatching(/^Salesforce will retire API version v66\.0 \(Summer '28\)/),
    ]);
    const history = await org.client.workflow.getHandle(`${handle.workflowId}/part-1`).fetchHistory();
    const texts = JSON.stringify(history, (key, value: unknown) =>
      key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value,
    );
    expect(texts).toContain('Salesforce will retire API version');
    expect(texts).not.toContain('says the platform');
  });
});

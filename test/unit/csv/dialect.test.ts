import { describe, expect, it } from 'vitest';
import { detectDialect, HEAD_BYTES, refuseOtherFormats } from '../../../src/csv/dialect.js';
import type { Dialect } from '../../../src/csv/dialect.js';

const detect = (text: string | Buffer, said?: { delimiter?: string }): Promise<Dialect> =>
  detectDialect(Buffer.from(text).subarray(0, HEAD_BYTES), said);
const refusal = (code: string) => expect.objectContaining({ code }) as Error;

describe('detectDialect', () => {
  it.each<[string, string, Partial<Dialect>]>([
    ['LF', 'Id,Name\n1,x\n', { lineEnding: 'LF', header: ['Id', 'Name'], dataStart: 8 }],
    ['CRLF', 'Id,Name\r\n1,x\r\n', { lineEnding: 'CRLF', header: ['Id', 'Name'], dataStart: 9 }],
    ['a header only', 'Id,Name\n', { lineEnding: 'LF', header: ['Id', 'Name'], dataStart: 8 }],
    ['a header without a line end', 'Id,Name', { lineEnding: 'LF', header: ['Id', 'Name'], dataStart: 7 }],
    ['quoted names', '"Id","Na,me"\n', { header: ['Id', 'Na,me'], dataStart: 13 }],
    ['a byte order mark', '\ufeffId,Name\n1,x\n', { header: ['Id', 'Name'], dataStart: 11 }],
    ['a byte order mark before a quote', '\ufeff"Id","Name"\n', { header: ['Id', 'Name'], dataStart: 15 }],
    ['blank lines before the header', '\n\r\nId,Name\n1,x\n', { header: ['Id', 'Name'], dataStart: 11 }],
    ['a line break in a quoted name', '"Bil\nling",Name\n1,2\n', { header: ['Bil\nling', 'Name'], dataStart: 16 }],
    ['a single column', 'Id\n1\n', { delimiter: ',', header: ['Id'] }],
    ['a single quoted column', '"Id"\n"1"\n', { delimiter: ',', header: ['Id'] }],
    ['names beyond ASCII', 'Größe,Naïve\n', { header: ['Größe', 'Naïve'], dataStart: 15 }],
  ])('reads %s', async (_name, text, expected) => {
    expect(await detect(text)).toMatchObject(expected);
  });

  it.each([',', ';', '\t', '|', '^', '`'])('finds the delimiter %j', async (delimiter) => {
    const text = `Id${delimiter}Name${delimiter}Note__c\na${delimiter}b, c; d, e; f${delimiter}\n`;
    expect(await detect(text)).toMatchObject({ delimiter, header: ['Id', 'Name', 'Note__c'] });
    const quoted = `"Id"${delimiter}"Name; or, what\n else, it; is"${delimiter}"a""b,;,;|"\n`;
    expect(await detect(quoted)).toMatchObject({
      delimiter,
      header: ['Id', 'Name; or, what\n else, it; is', 'a"b,;,;|'],
    });
  });

  it('reads only the header, not the rows', async () => {
    expect((await detect('Id;Name\n"a,b,c,d";"e,f,g"\n')).delimiter).toBe(';');
    expect((await detect('Id,Name\na;b;c;d,e;f;g\n')).delimiter).toBe(',');
  });

  it('uses the specified delimiter', async () => {
    expect(await detect('a,b;c,d\n', { delimiter: ';' })).toMatchObject({ delimiter: ';', header: ['a,b', 'c,d'] });
  });

  it('accepts a header of 32,000 characters, but no longer one', async () => {
    const wide = (length: number): string => `Id,${'é'.repeat(length - 3)}`;
    expect((await detect(`${wide(32_000)}\n1,2\n`)).header[1]).toHaveLength(31_997);
    await expect(detect(`${wide(32_001)}\n1,2\n`)).rejects.toThrow(refusal('HEADER_TOO_LONG'));
    await expect(detect('x'.repeat(HEAD_BYTES + 10))).rejects.toThrow(refusal('HEADER_TOO_LONG'));
  });

  it.each([
    ['nothing', '', 'SOURCE_EMPTY'],
    ['a byte order mark and nothing', '\ufeff', 'SOURCE_EMPTY'],
    ['blank lines only', '\n\r\n\n', 'SOURCE_EMPTY'],
    ['a header without any name', ',," "\nId,Name,\n', 'HEADER_EMPTY_NAME'],
    ['a duplicate column', 'Name,Id,name\n', 'HEADER_DUPLICATE_COLUMN'],
    ['a quote that is never closed', '"Id,Name\n1,x\n2,y\n', 'CSV_UNCLOSED_QUOTE'],
    ['lines that end with CR alone', 'Id,Name\r1,x\r2,y\r', 'CSV_LINE_ENDING'],
  ])('refuses %s', async (_name, text, code) => {
    await expect(detect(text)).rejects.toThrow(refusal(code));
  });

  it('leaves columns without a name to the check of the rows', async () => {
    expect((await detect('Id,,Name," ",x,\n')).header).toEqual(['Id', '', 'Name', ' ', 'x', '']);
  });

  it('reports all duplicate names', async () => {
    const doubled = detect('Id,Site,Name,site,Fax,Site,Fax\n');
    await expect(doubled).rejects.toThrow(
      'Columns 2, 4 and 6 of the header are all named "Site" ("Site", "site", "Site"',
    );
    await expect(doubled).rejects.toThrow(
      'Columns 5 and 7 of the header are both named "Fax". Keep one column of each name.',
    );
  });

  it.each([
    ['a pipe file', 'PK|"Name"|Phone\n1|x|2\n'],
    ['a tab file', 'PK\t"Name"\n1\tx\n'],
    ['a caret file with a blank name', 'PK^^Name\n1^^x\n'],
    ['a file of one column', 'PK\r\n1\r\n'],
    ['a file whose second column is not Latin', 'PK;Größe\n1;2\n'],
  ])('accepts %s with PK as its first column: only complete signatures count', async (_name, text) => {
    expect((await detect(text)).header[0]).toBe('PK');
  });

  it.each([
    ['a zip archive', [0x50, 0x4b, 3, 4, 20, 0]],
    ['an empty zip archive', [0x50, 0x4b, 5, 6, 0, 0]],
    ['a piece of a zip archive', [0x50, 0x4b, 7, 8, 0x50, 0x4b, 3, 4]],
    ['an old workbook', [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0]],
    ['a PDF', [...Buffer.from('%PDF-1.7\n')]],
  ])('recognizes %s by its complete signature', (_name, bytes) => {
    expect(() => refuseOtherFormats(Buffer.from(bytes))).toThrow(refusal('SOURCE_NOT_CSV'));
  });

  it.each([
    ['UTF-16 with a mark', Buffer.from('\ufeffId,Name\n', 'utf16le')],
    ['UTF-16, big end first', Buffer.from('\ufeffId,Name\n', 'utf16le').swap16()],
    ['UTF-16 without a mark', Buffer.from('Id,Name\n', 'utf16le')],
    ['Latin-1 in the header', Buffer.from('Id,Größe\n1,x\n', 'latin1')],
    ['Latin-1 in a row', Buffer.from('Id,Name\n1,Müller\n', 'latin1')],
    ['compressed bytes', Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00])],
  ])('refuses %s', async (_name, bytes) => {
    await expect(detectDialect(bytes)).rejects.toThrow(refusal('CSV_NOT_UTF8'));
  });

  it('ignores a character that is split at the end of the head', async () => {
    const text = Buffer.from(`Id,Name\n${'1,€\n'.repeat(HEAD_BYTES / 4)}`);
    for (const cut of [0, 1, 2, 3, 4, 5]) {
      expect((await detectDialect(text.subarray(0, HEAD_BYTES - cut))).dataStart).toBe(8);
    }
  });

  it('is not misled by a quote that is split at the end of the head', async () => {
    const text = `Id,Name\n1,"${'long\n'.repeat(100_000)}"\n`;
    expect(await detect(text)).toMatchObject({ header: ['Id', 'Name'], dataStart: 8 });
  });
});

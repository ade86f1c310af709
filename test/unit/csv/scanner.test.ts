import { crc32 } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCells } from '../../../src/csv/cells.js';
import { RecordCounter } from '../../../src/csv/record-counter.js';
import { firstRecord, scanRecords } from '../../../src/csv/records.js';
import { Scanner } from '../../../src/csv/scanner.js';
import { planParts } from '../../../src/csv/plan-parts.js';
import type { ScanSummary } from '../../../src/csv/records.js';
import { chunkSizes, inChunks, validCsv } from '../../helpers/csv.js';

interface Scanned {
  records: string[];
  ranges: [number, number][];
  summary: ScanSummary;
}

async function scan(text: string | Buffer, delimiter = ',', sizes?: readonly number[], base = 0): Promise<Scanned> {
  const bytes = Buffer.from(text);
  const records: string[] = [];
  const ranges: [number, number][] = [];
  const summary = await scanRecords(inChunks(bytes, sizes), { delimiter, base }, (record, start, end) => {
    records.push(record.toString());
    ranges.push([start, end]);
  });
  return { records, ranges, summary };
}

async function plan(text: string | Buffer, maxBytes: number, delimiter = ',', sizes?: readonly number[], base = 0) {
  return planParts(inChunks(Buffer.from(text), sizes), { delimiter, maxBytes, base });
}

const reader = (delimiter: string) => ({
  delimiter,
  skip_empty_lines: true,
  relax_column_count: true,
  record_delimiter: ['\r\n', '\n'],
});

/** The rules, one byte at a time: where records end. */
function boundaries(text: string, delimiter: string): { ends: number[]; open: boolean } {
  const ends: number[] = [];
  let start = 0;
  let inQuotes = false;
  let mayOpen = true;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inQuotes) {
      if (c === '"') {
        inQuotes = false;
        // The next byte may be the second half of a doubled quote.
        mayOpen = true;
      }
      continue;
    }
    if (c === '"' && mayOpen) {
      inQuotes = true;
    } else if (c === '\n') {
      const line = text.slice(start, i + 1);
      if (line !== '\n' && line !== '\r\n') ends.push(i + 1);
      start = i + 1;
      mayOpen = true;
    } else {
      mayOpen = c === delimiter;
    }
  }
  if (start < text.length && text.slice(start) !== '\r') ends.push(text.length);
  return { ends, open: inQuotes };
}

describe('scanRecords', () => {
  it.each([
    ['nothing', '', []],
    ['a header only', 'Id,Name\n', ['Id,Name\n']],
    ['a header without a line end', 'Id,Name', ['Id,Name']],
    ['CRLF', 'a\r\nb\r\n', ['a\r\n', 'b\r\n']],
    ['a last line without an end', 'a\nb', ['a\n', 'b']],
    ['a last line with half of an end', 'a\r\nb\r', ['a\r\n', 'b\r']],
    ['a lone CR at the end', 'a\r\n\r', ['a\r\n']],
    ['blank lines before, between and after', '\n\r\na\n\n\r\n\nb\n\r\n\n', ['a\n', 'b\n']],
    ['lines of blanks, which are records', 'a\n \nb\n', ['a\n', ' \n', 'b\n']],
    ['an empty quoted cell, which is a record', 'a\n""\nb\n', ['a\n', '""\n', 'b\n']],
    ['empty cells', ',\n,\n', [',\n', ',\n']],
    ['line breaks in quotes', 'a,"x\ny\r\nz"\nb\n', ['a,"x\ny\r\nz"\n', 'b\n']],
    ['blank lines in quotes', '"\n\n"\nb\n', ['"\n\n"\n', 'b\n']],
    ['doubled quotes', '"a""\n""b"\nc\n', ['"a""\n""b"\n', 'c\n']],
    ['nothing but doubled quotes', '""""\n"""\n"""\n', ['""""\n', '"""\n"""\n']],
    ['stray quotes in unquoted cells', 'a"b\nc",d"\ne\n', ['a"b\n', 'c",d"\n', 'e\n']],
    ['a stray quote after a closed cell', '"a"b"\nc\n', ['"a"b"\n', 'c\n']],
    ['a quote after a blank, which opens nothing', 'a, "b\nc\n', ['a, "b\n', 'c\n']],
    ['CR alone, which ends nothing', 'a\rb\rc', ['a\rb\rc']],
  ])('reads %s', async (_name, text, expected) => {
    for (const sizes of [[1], [2], [3], [1000]]) {
      const { records, summary } = await scan(text, ',', sizes);
      expect(records).toEqual(expected);
      expect(summary.records).toBe(expected.length);
      expect(summary.bytes).toBe(text.length);
    }
  });

  it.each([
    ['', 'none'],
    ['a', 'none'],
    ['a\rb', 'none'],
    ['a\nb\n', 'LF'],
    ['a\r\nb\r\n', 'CRLF'],
    ['a\nb\r\n', 'mixed'],
    ['a\r\nb\n', 'mixed'],
    ['a,"x\r\ny"\nb\n', 'mixed'],
    ['a,"x\ny"\r\nb\r\n', 'mixed'],
    ['a\n\r\nb\n', 'mixed'],
    ['a\rb\nc\n', 'LF'],
  ])('finds the line breaks of %j: %s, quoted ones too', async (text, expected) => {
    for (const sizes of [[1], [2], [1000]]) expect((await scan(text, ',', sizes)).summary.lineBreaks).toBe(expected);
  });

  it('counts offsets from the given start', async () => {
    const { ranges } = await scan('a\n\n"b\n"\n', ',', [2], 1000);
    expect(ranges).toEqual([
      [1000, 1002],
      [1003, 1008],
    ]);
  });

  it('recognizes an opening quote only after its own delimiter', async () => {
    expect((await scan('a;"b\nc"\n', ';')).records).toEqual(['a;"b\nc"\n']);
    expect((await scan('a;"b\nc"\n', ',')).records).toEqual(['a;"b\n', 'c"\n']);
  });

  it('reports the record with an unclosed quote', async () => {
    await expect(scan('a\nb,"c\nd\ne\n')).rejects.toMatchObject({
      code: 'CSV_UNCLOSED_QUOTE',
      message: expect.stringMatching(/^Data row 2 /) as string,
    });
  });

  it('joins a record of many chunks once, not at every chunk', async () => {
    const long = Buffer.from(`"${'x\n'.repeat(2_000_000)}"\nend\n`);
    const { summary, ranges } = await scan(long, ',', [1000]);
    expect(summary.records).toBe(2);
    expect(ranges[1]).toEqual([long.length - 4, long.length]);
  });

  it('stops with the error of its visitor or of its source', async () => {
    const stop = new Error('enough');
    await expect(
      scanRecords(inChunks(Buffer.from('a\nb\n')), { delimiter: ',' }, () => {
        throw stop;
      }),
    ).rejects.toBe(stop);
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('a\n');
      throw stop;
    }
    await expect(scanRecords(broken(), { delimiter: ',' }, () => undefined)).rejects.toBe(stop);
  });

  it('parses valid CSV like csv-parse, with any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(validCsv, chunkSizes, async ({ text, delimiter, records }, sizes) => {
        const bytes = Buffer.from(text);
        const cells: string[][] = [];
        const ranges: [number, number][] = [];
        const summary = await scanRecords(inChunks(bytes, sizes), { delimiter }, (record, start, end) => {
          expect(record.equals(bytes.subarray(start, end))).toBe(true);
          cells.push(readCells(record, delimiter));
          ranges.push([start, end]);
        });
        const parsed = parse(bytes, reader(delimiter));
        expect(parsed).toEqual(records);
        expect(cells).toEqual(parsed);
        expect(summary.records).toBe(parsed.length);
        expect(summary.lineBreaks).toBe(
          /(?<!\r)\n/.test(text) ? (/\r\n/.test(text) ? 'mixed' : 'LF') : /\r\n/.test(text) ? 'CRLF' : 'none',
        );
        let at = 0;
        for (const [start, end] of [...ranges, [bytes.length, bytes.length] as const]) {
          // Only blank lines are between records.
          expect(bytes.toString('utf8', at, start)).toMatch(/^[\r\n]*$/);
          at = end;
        }
        const counter = new RecordCounter(delimiter);
        for await (const chunk of inChunks(bytes, sizes)) counter.push(new Uint8Array(chunk));
        expect(counter.finish()).toEqual({ records: parsed.length, whole: true });
      }),
      { numRuns: 6000 },
    );
  });

  // csv-parse refuses a stray quote in an unquoted cell, so the reference here are the rules themselves, byte by byte.
  it('follows its rules on any text, including stray and unclosed quotes', async () => {
    const text = fc.string({ unit: fc.constantFrom('"', '"', ',', '\n', '\r\n', '\r', 'a'), maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(text, chunkSizes, async (odd, sizes) => {
        const ends: number[] = [];
        const run = scanRecords(inChunks(Buffer.from(odd), sizes), { delimiter: ',' }, (_record, _start, end) => {
          ends.push(end);
        });
        const expected = boundaries(odd, ',');
        if (expected.open) await expect(run).rejects.toMatchObject({ code: 'CSV_UNCLOSED_QUOTE' });
        else await run;
        expect(ends).toEqual(expected.ends);
      }),
      { numRuns: 6000 },
    );
  });
});

describe('firstRecord', () => {
  it('finds the first record, also if the bytes end before it does', () => {
    expect(firstRecord(Buffer.from('\n\r\nId,"a\nb"\nrest'), ',')).toEqual({ start: 3, end: 12 });
    expect(firstRecord(Buffer.from('Id,Na'), ',')).toEqual({ start: 0, end: 5 });
    expect(firstRecord(Buffer.from('\n\n'), ',')).toBeUndefined();
    // A quote in a later record that is cut off does not matter.
    expect(firstRecord(Buffer.from('Id\n"x'), ',')).toEqual({ start: 0, end: 3 });
  });

  it('refuses a header with an unclosed quote', () => {
    expect(() => firstRecord(Buffer.from('"Id,Name\n1,x\n'), ',')).toThrow(
      expect.objectContaining({ code: 'CSV_UNCLOSED_QUOTE' }),
    );
  });
});

describe('planParts', () => {
  it.each([
    ['in a cell without quotes', 'a,b\nc,5" pipe\n', 2, 7],
    ['before a quoted cell, after a blank', 'a, "b"\n', 1, 3],
    ['with text after it', 'a,"b" Inc.\n', 1, 4],
    ['with text after a doubled one', 'a\n"b""" c\n', 2, 6],
    ['in the first row', 'a"b\n', 1, 1],
    ['in the last row, without an end', 'a\nb"', 2, 3],
  ])('refuses a quote %s, wherever the bytes are split', async (_where, text, row, offset) => {
    for (const size of [1, 2, 3, 1000]) {
      const planned = planParts(inChunks(Buffer.from(text), [size]), { delimiter: ',', maxBytes: 100, base: 10 });
      await expect(planned).rejects.toMatchObject({
        code: 'CSV_INVALID',
        message: expect.stringMatching(new RegExp(`Data row ${row} .*byte offset ${offset + 10}\\)`)) as string,
      });
    }
  });

  it.each(['"a"\n', '"a",b\n', '"a"\r\n', '"a""b"\n', '""""\n', '"a\n","b"', '"a"\r'])(
    'accepts quotes where they are allowed: %j',
    async (text) => {
      for (const size of [1, 2, 3, 1000]) {
        expect(await planParts(inChunks(Buffer.from(text), [size]), { delimiter: ',', maxBytes: 100 })).toMatchObject({
          records: 1,
        });
      }
    },
  );

  it('makes the same plan if the memory of a chunk is reused for the next one', async () => {
    await fc.assert(
      fc.asyncProperty(
        validCsv,
        chunkSizes,
        fc.integer({ min: 40, max: 200 }),
        async ({ text, delimiter }, sizes, max) => {
          const bytes = Buffer.from(text);
          async function* again(): AsyncGenerator<Buffer> {
            const memory = Buffer.alloc(1 << 20);
            for await (const chunk of inChunks(bytes, sizes)) {
              memory.fill(0x22);
              chunk.copy(memory);
              yield memory.subarray(0, chunk.length);
            }
          }
          const options = { delimiter, maxBytes: max };
          const planned = (chunks: AsyncIterable<Buffer>) =>
            planParts(chunks, options).catch((error: Error) => error.message);
          expect(await planned(again())).toEqual(await planned(inChunks(bytes)));
        },
      ),
    );
  });

  it('makes no part of a file without rows', async () => {
    expect(await plan('', 100)).toEqual({
      parts: [],
      records: 0,
      bytes: 0,
      blankBytes: 0,
      blankRows: { rows: 0, after: 0 },
      large: [],
      loneCr: false,
      lineBreaks: 'none',
    });
    expect((await plan('\n\r\n\n', 100)).parts).toEqual([]);
  });

  it('fills parts up to the limit, to the byte', async () => {
    const { parts } = await plan('aaa\nbbb\nccc\n', 8, ',', undefined, 100);
    expect(parts).toMatchObject([
      { start: 100, end: 108, records: 2 },
      { start: 108, end: 112, records: 1 },
    ]);
    expect((await plan('aaa\nbbb\nccc\n', 7)).parts.map(({ records }) => records)).toEqual([1, 1, 1]);
    expect((await plan('aaa\nbbb\nccc\n', 12)).parts).toHaveLength(1);
  });

  it('leaves out blank lines at the borders of parts, and reports those inside', async () => {
    const outside = await plan('\naaa\n\nbbb\n\n', 4);
    expect(outside.parts).toMatchObject([
      { start: 1, end: 5, records: 1 },
      { start: 6, end: 10, records: 1 },
    ]);
    expect(outside.blankBytes).toBe(0);
    const inside = await plan('aaa\n\r\n\nbbb\n', 100);
    expect(inside.parts).toMatchObject([{ start: 0, end: 11, records: 2 }]);
    expect(inside.blankBytes).toBe(3);
  });

  it('refuses a row that is larger than a part, and reports it', async () => {
    await expect(plan('a\nbbbb\n', 4)).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      message: expect.stringMatching(/^Data row 2 has 5 bytes/) as string,
    });
    await expect(plan('a\n"b\n', 100)).rejects.toMatchObject({ code: 'CSV_UNCLOSED_QUOTE' });
  });

  it('aborts at an endless row instead of keeping it in memory', async () => {
    let given = 0;
    const endless = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('a,b\nc,"');
      for (; given < 100; given++) yield Buffer.alloc(1_000_000, 'x\n');
    };
    const options = { delimiter: ',', maxBytes: 100_000_000, base: 7 };
    await expect(planParts(endless(), options)).rejects.toMatchObject({
      code: 'CSV_ROW_TOO_LARGE',
      message: expect.stringMatching(/^Data row 2 \(from byte 11 of the file\) has more than 16 MB/) as string,
    });
    expect(given).toBeLessThan(20);
    const ended = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(`a,b\nc,${'x'.repeat(16_000_001)}\nd,e\n`);
    };
    await expect(planParts(ended(), options)).rejects.toMatchObject({ code: 'CSV_ROW_TOO_LARGE' });
  });

  it.each([
    ['cut off in a character', 'K,Zo\xc3'],
    ['with a bad byte far from the beginning', 'K,Zo\xe9,\n'],
    ['with a bad byte after a character split across chunks', '\xa9 caf\xe9 x\n', 'aaaa\xc3'],
  ])(
    'does not treat a damaged UTF-8 file as another encoding: %s',
    async (_name, end, before = Buffer.from('a,Größe\n').toString('latin1')) => {
      const chunks = async function* (): AsyncGenerator<Buffer> {
        yield Buffer.from(before, 'latin1');
        if (end.startsWith('K')) yield Buffer.from('b,plain\n'.repeat(1_000));
        yield Buffer.from(end, 'latin1');
      };
      const failed = planParts(chunks(), { delimiter: ',', maxBytes: 1e6 });
      await expect(failed).rejects.toMatchObject({
        code: 'CSV_NOT_UTF8',
        message: expect.stringContaining('the file is damaged there or truncated') as string,
      });
    },
  );

  it('refuses bytes that are not UTF-8, wherever chunks split characters', async () => {
    const good = Buffer.from('é,€,😀\n'.repeat(20));
    const latin1 = Buffer.from('Müller\n', 'latin1');
    for (const size of [1, 2, 3, 5, 1000]) {
      expect((await plan(good, 1000, ',', [size])).records).toBe(20);
      await expect(plan(Buffer.concat([good, latin1]), 1000, ',', [size])).rejects.toMatchObject({
        code: 'CSV_NOT_UTF8',
      });
      await expect(plan(good.subarray(0, -3), 1000, ',', [size])).rejects.toMatchObject({ code: 'CSV_NOT_UTF8' });
    }
    await expect(plan(Buffer.concat([Buffer.from('a\n'), latin1]), 1000, ',', [2])).rejects.toThrow(
      'byte offset 3, in data row 2',
    );
  });

  it('reports its progress', async () => {
    const seen: number[] = [];
    await planParts(inChunks(Buffer.from('a\nb\nc\n'), [4]), {
      delimiter: ',',
      maxBytes: 10,
      base: 7,
      onProgress: (bytes) => seen.push(bytes),
    });
    expect(seen).toEqual([4, 6]);
  });

  it('cuts only where records end, and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(validCsv, chunkSizes, fc.integer({ min: 1, max: 60 }), async (csv, sizes, room) => {
        const { text, delimiter } = csv;
        const bytes = Buffer.from(text);
        const largest = Math.max(0, ...(await scan(bytes, delimiter)).ranges.map(([start, end]) => end - start));
        const maxBytes = Math.max(largest, room);
        const { parts, records, blankBytes, bytes: read } = await plan(bytes, maxBytes, delimiter, sizes);
        expect(read).toBe(bytes.length);
        expect(records).toBe(csv.records.length);
        const pieces = parts.map(({ start, end }) => bytes.subarray(start, end));
        expect(pieces.every((piece) => piece.length <= maxBytes)).toBe(true);
        const rows = pieces.map((piece) => parse(piece, reader(delimiter)));
        expect(rows.map((some) => some.length)).toEqual(parts.map((part) => part.records));
        expect(rows.flat()).toEqual(csv.records);
        expect(parts.map(({ crc }) => crc)).toEqual(pieces.map((piece) => crc32(piece)));
        let at = 0;
        for (const { start, end } of [...parts, { start: bytes.length, end: bytes.length }]) {
          expect(bytes.toString('utf8', at, start)).toMatch(/^[\r\n]*$/);
          at = end;
        }
        const { ranges } = await scan(bytes, delimiter);
        const rowBytes = ranges.reduce((sum, [start, end]) => sum + end - start, 0);
        expect(blankBytes).toBe(pieces.reduce((sum, piece) => sum + piece.length, 0) - rowBytes);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('cells of each record', () => {
  const widths = async (bytes: Buffer, delimiter: string, sizes: readonly number[]): Promise<number[]> => {
    const seen: number[] = [];
    // No record has this width, so each one is ragged, and scanning one record after the other reports all.
    await scanRecords(inChunks(bytes), { delimiter }, (record) => {
      const scanner = new Scanner(delimiter, 0, () => undefined, { width: 1_000 });
      for (let at = 0, n = 0; at < record.length; n++) {
        const size = sizes[n % sizes.length] ?? 1;
        scanner.push(record.subarray(at, at + size));
        at += size;
      }
      scanner.finish();
      if (scanner.ragged !== undefined) seen.push(scanner.ragged.cells);
    });
    return seen;
  };

  it('are counted like csv-parse does, whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(validCsv, chunkSizes, async ({ text, delimiter }, sizes) => {
        const rows = parse(text, reader(delimiter)) as string[][];
        expect(await widths(Buffer.from(text), delimiter, sizes)).toEqual(rows.map((row) => row.length));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a,b\nc\nd,e\n', { record: 2, cells: 1 }],
    ['a,b\nc,d\ne', { record: 3, cells: 1 }],
    ['a,b\nc,d,e\n', { record: 2, cells: 3 }],
    ['a,"b,c"\n"d\n,e",f\n', undefined],
    ['a,"b"",c"\n', undefined],
    ['a,b\n\n\r\nc,d', undefined],
  ])('give the first ragged record of %j', (text, ragged) => {
    for (const size of [1, 2, 3, 7, 100]) {
      const scanner = new Scanner(',', 0, () => undefined, { width: 2 });
      const bytes = Buffer.from(`x${text}`).subarray(1);
      for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
      scanner.finish();
      expect(scanner.ragged).toEqual(ragged);
    }
  });

  it.each([
    ['a\rb\n', true],
    ['"a\rb"\n', true],
    ['a\r\nb\r\n', false],
    ['a\nb\n', false],
    ['a\r\nb\r', false],
  ])('lone carriage returns in %j: %j', (text, lone) => {
    for (const size of [1, 2, 100]) {
      const scanner = new Scanner(',', 0, () => undefined);
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
      scanner.finish();
      expect(scanner.loneCr).toBe(lone);
    }
  });
});

import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { isUtf8 } from 'node:buffer';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStream } from '../../../src/csv/encoding/decode.js';
import { ENCODINGS, encodingOf } from '../../../src/csv/encoding/encodings.js';
import { recogniseEncoding } from '../../../src/csv/encoding/recognise-encoding.js';
import { notUtf8At } from '../../../src/csv/encoding/encoding-errors.js';
import { Utf8Finder } from '../../../src/csv/encoding/utf8-validator.js';
import { chunkSizes, inChunks } from '../../helpers/csv.js';

const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const LE_MARK = Buffer.from([0xff, 0xfe]);
const BE_MARK = Buffer.from([0xfe, 0xff]);
const SIZES = [1, 2, 3, 4, 5, 6, 7];

const le = (text: string): Buffer => Buffer.from(text, 'utf16le');
const be = (text: string): Buffer => le(text).swap16();

async function decode(bytes: Buffer, encoding: string, sizes = [3], gzip = false): Promise<string> {
  return (await buffer(decodeStream(Readable.from(inChunks(bytes, sizes)), { encoding, gzip }))).toString();
}

/** Not `once`, which would handle errors that the stream itself should handle. */
const closing = (stream: Readable): Promise<void> => new Promise((resolve) => stream.once('close', resolve));

const failure = (code: string, ...words: string[]): unknown =>
  expect.objectContaining({
    name: 'NightloadError',
    code,
    retryable: false,
    message: expect.stringMatching(words.join('.*')) as string,
  });

describe('encodingOf', () => {
  it('accepts every name that is shown, in any spelling', () => {
    for (const name of ENCODINGS) {
      expect(encodingOf(name), name).toBeDefined();
      expect(encodingOf(name.toUpperCase().replace('-', '_'))).toBe(encodingOf(name));
    }
    expect(['UTF8', 'cp1252', 'Latin-1', 'ISO_8859-1', 'utf-16LE'].map(encodingOf)).toEqual([
      'utf-8',
      'windows-1252',
      'windows-1252',
      'windows-1252',
      'utf-16le',
    ]);
  });

  it('accepts the other names of the web and of Microsoft', () => {
    const names = [
      'sjis',
      'Windows-31J',
      'CP932',
      'EUC_JP',
      'gb2312',
      'cp936',
      'ks_c_5601-1987',
      'cp950',
      'CP1251',
      'KOI8R',
    ];
    expect(names.map(encodingOf)).toEqual([
      'shift_jis',
      'shift_jis',
      'shift_jis',
      'euc-jp',
      'gbk',
      'gbk',
      'euc-kr',
      'big5',
      'windows-1251',
      'koi8-r',
    ]);
    for (const name of [
      'windows-1250',
      'windows-1258',
      'iso-8859-2',
      'iso-8859-16',
      'gb18030',
      'big5',
      'ascii',
      'tis-620',
    ]) {
      const web = ((): string | undefined => {
        try {
          return new TextDecoder(name).encoding;
        } catch {
          return undefined;
        }
      })();
      // Encodings that Node decodes are accepted; ASCII is no reason to read Windows-1252.
      expect(encodingOf(name), name).toBe(web === 'windows-1252' ? undefined : web);
    }
  });

  it('accepts no others', () => {
    expect(['', 'utf-7', 'utf-32', 'ebcdic', 'constructor'].map(encodingOf)).toEqual(Array(5).fill(undefined));
  });
});

describe('recogniseEncoding', () => {
  const plain = { bom: 0, gzip: false };

  it('trusts byte order marks', () => {
    expect(recogniseEncoding(Buffer.concat([UTF8_MARK, Buffer.from('Id')]))).toEqual({
      encoding: 'utf-8',
      bom: 3,
      gzip: false,
    });
    const marked = { bom: 2, gzip: false };
    expect(recogniseEncoding(Buffer.concat([LE_MARK, le('Id')]))).toEqual({ encoding: 'utf-16le', ...marked });
    expect(recogniseEncoding(Buffer.concat([BE_MARK, be('Id')]))).toEqual({ encoding: 'utf-16be', ...marked });
  });

  it('detects UTF-16 without a mark by its NUL bytes', () => {
    for (const text of ['Id', 'Id,Name\r\n1,Müller\r\n', '名前,Id\n山田太郎,1\n鈴木一郎,2\n']) {
      expect(recogniseEncoding(le(text))).toEqual({ encoding: 'utf-16le', ...plain });
      expect(recogniseEncoding(be(text))).toEqual({ encoding: 'utf-16be', ...plain });
    }
  });

  it('does not treat one NUL byte as UTF-16', () => {
    expect(recogniseEncoding(Buffer.from('Na\0me,Phone\nA,1\n')).encoding).toBe('utf-8');
  });

  it('treats a character that is split at the end of the head as UTF-8', () => {
    expect(recogniseEncoding(Buffer.from('Id,Größe€').subarray(0, -1))).toEqual({ encoding: 'utf-8', ...plain });
    expect(recogniseEncoding(Buffer.alloc(0))).toEqual({ encoding: 'utf-8', ...plain });
  });

  it('does not guess for other bytes', () => {
    expect(recogniseEncoding(Buffer.from('Id,Größe\n', 'latin1'))).toEqual({ encoding: 'unknown', ...plain });
  });

  it('detects the encoding inside gzip', () => {
    const packed = { bom: 0, gzip: true };
    expect(recogniseEncoding(gzipSync('Id,Größe'))).toEqual({ encoding: 'utf-8', ...packed });
    expect(recogniseEncoding(gzipSync(be('Id')))).toEqual({ encoding: 'utf-16be', ...packed });
    const long = Buffer.from(Array.from({ length: 9999 }, (_, n) => `ä${Math.imul(n, 2654435761)}`).join(), 'latin1');
    expect(recogniseEncoding(gzipSync(long).subarray(0, 5000))).toEqual({ encoding: 'unknown', ...packed });
    const members = Buffer.concat([gzipSync('Id'), gzipSync('é').subarray(0, 12)]);
    expect(recogniseEncoding(members)).toEqual({ encoding: 'utf-8', ...packed });
    expect(recogniseEncoding(Buffer.from([0x1f, 0x8b, 0xff, 0xff]))).toEqual({ encoding: 'utf-8', ...packed });
  });
});

describe('Utf8Finder', () => {
  /** The slow way: character by character. */
  function firstBad(bytes: Buffer): number | undefined {
    let at = 0;
    while (at < bytes.length) {
      const size = [1, 2, 3, 4].find((n) => at + n <= bytes.length && isUtf8(bytes.subarray(at, at + n)));
      if (size === undefined) return at;
      at += size;
    }
    return undefined;
  }

  function find(bytes: Buffer, size: number): number | undefined {
    const finder = new Utf8Finder();
    for (let at = 0; at < bytes.length; at += size) {
      const bad = finder.push(bytes.subarray(at, at + size));
      if (bad !== undefined) return bad;
    }
    return finder.finish();
  }

  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)) },
    // Runs of continuation bytes, overlong forms, surrogates and what is beyond Unicode.
    { weight: 1, arbitrary: fc.constantFrom('80808080', 'f09f98', 'c080', 'eda080', 'f4908080', 'ff', 'f09f988080') },
  );

  it('finds the first invalid byte wherever chunks end', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (pieces, size) => {
        const bytes = Buffer.concat(pieces.map((p) => (typeof p === 'string' ? Buffer.from(p, 'hex') : p)));
        expect(find(bytes, size)).toBe(firstBad(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('counts from the given offset', () => {
    const finder = new Utf8Finder(3);
    expect(finder.push(Buffer.from('ab'))).toBeUndefined();
    expect(finder.push(Buffer.from([0x63, 0xe9, 0x2c]))).toBe(6);
  });
});

describe('notUtf8At', () => {
  it.each([
    ['Latin letters of one byte', Buffer.from('Id,Größe', 'latin1'), 'load it with --encoding, or'],
    ['letters of two bytes', Buffer.from([0x49, 0x64, 0x2c, 0x96, 0xbc, 0x91, 0x4f]), 'its encoding'],
    ['ASCII so far', Buffer.from('Id,Name'), 'or save it as UTF-8'],
    ['UTF-16', be('Id,Name'), 'load it with --encoding utf-16be'],
    ['UTF-16 with a mark', Buffer.concat([LE_MARK, le('名前')]), 'load it with --encoding utf-16le'],
    ['a mixture', Buffer.concat([Buffer.from('Größe'), Buffer.from('Größe', 'latin1')]), 'damaged there'],
    ['a workbook', Buffer.from('PK\x03\x04\x14\0\x06\0'), 'Excel'],
    ['binary', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48]), 'binary'],
  ])('suggests what it may be: %s', (_name, head, words) => {
    expect(notUtf8At(1234, 12, head)).toEqual(failure('CSV_NOT_UTF8', 'byte offset 1234, in data row 12.', words));
    expect(notUtf8At(7, undefined, head)).toEqual(failure('CSV_NOT_UTF8', 'byte offset 7.', words));
  });
});

describe('decodeStream', () => {
  const wide = 'Id,Größe\r\n1,"€ – 名前 😀"\n2,\u{10ffff}\ufeff\n';
  const narrow = 'Id,Größe\r\n1,"ÀéÿŸ€–“”Œž"\n';
  const in1252 = Buffer.from('Id,Größe\r\n1,"Àéÿ\x9f\x80\x96\x93\x94\x8c\x9e"\n', 'latin1');

  it.each(SIZES)('decodes characters that are split between chunks (%i)', async (size) => {
    for (const [encoding, bytes] of [
      ['utf-8', Buffer.from(wide)],
      ['utf-8', Buffer.concat([UTF8_MARK, Buffer.from(wide)])],
      ['utf-16le', le(wide)],
      ['utf-16be', be(wide)],
      ['utf-16le', Buffer.concat([LE_MARK, le(wide)])],
      ['utf-16be', Buffer.concat([BE_MARK, be(wide)])],
      ['utf-16', Buffer.concat([LE_MARK, le(wide)])],
      ['utf-16', Buffer.concat([BE_MARK, be(wide)])],
      ['utf-16', le(wide)],
      ['utf-16', be(wide)],
    ] as const) {
      expect(await decode(bytes, encoding, [size]), encoding).toBe(wide);
    }
    expect(await decode(in1252, 'latin1', [size])).toBe(narrow);
  });

  it.each(['utf-8', 'utf-16', 'utf-16be', 'windows-1252'])('decodes nothing to nothing (%s)', async (encoding) => {
    expect(await decode(Buffer.alloc(0), encoding)).toBe('');
  });

  it('decodes a byte order mark alone to nothing', async () => {
    expect(await decode(UTF8_MARK, 'utf-8')).toBe('');
    expect(await decode(BE_MARK, 'utf-16')).toBe('');
  });

  it('decodes every byte of the one-byte encodings', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    for (const encoding of [
      'iso-8859-2',
      'iso-8859-15',
      'koi8-r',
      'koi8-u',
      'macintosh',
      'x-mac-cyrillic',
      'windows-1256',
    ]) {
      expect(await decode(all, encoding)).toBe(new TextDecoder(encoding).decode(all));
    }
    // Node's own decoder is no reference here: it treats these bytes as Latin 1.
    const used = Buffer.from(all.filter((byte) => ![0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(byte)));
    const special = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';
    const text = used.subarray(0, 128).toString() + special + all.subarray(0xa0).toString('latin1');
    expect(await decode(used, 'windows-1252')).toBe(text);
    expect(await decode(Buffer.from([0xa4, 0xbd, 0xe9]), 'iso-8859-15')).toBe('€œé');
    expect(await decode(Buffer.from([0x8e, 0xdb, 0xf0]), 'macintosh')).toBe('é€\uf8ff');
  });

  it('restores the original text, packed or not, with any chunks', async () => {
    const encoding = fc.constantFrom('utf-8', 'utf-16le', 'utf-16be');
    await fc.assert(
      fc.asyncProperty(
        encoding,
        // Sometimes longer than the head that is checked first.
        fc.tuple(fc.string({ unit: 'binary' }), fc.constantFrom(1, 1, 1, 40_000)),
        chunkSizes.map((sizes) => [...sizes]),
        fc.boolean(),
        async (name, [piece, times], sizes, gzip) => {
          const text = `a${piece}`.repeat(times);
          fc.pre(text.length < 500_000 && (times === 1 || (sizes[0] ?? 1) > 4));
          const bytes = name === 'utf-8' ? Buffer.from(text) : name === 'utf-16le' ? le(text) : be(text);
          expect((await decode(gzip ? gzipSync(bytes) : bytes, name, sizes, gzip)) === text).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('does not change its input chunks', async () => {
    const bytes = be('Größe');
    await decode(bytes, 'utf-16be', [1 << 20]);
    expect(bytes).toEqual(be('Größe'));
  });

  it('refuses other encodings, and closes the source then', () => {
    const source = new PassThrough();
    expect(() => decodeStream(source, { encoding: 'utf-7', gzip: false })).toThrow(
      failure('ENCODING_UNKNOWN', 'utf-7', 'windows-1252') as Error,
    );
    expect(source.destroyed).toBe(true);
  });

  /** Bytes of the same rows, as other programs write them; in some, the second byte of a letter is close to a quote. */
  const ROWS = {
    // 表 ends in a backslash, ポ in a pipe's byte, ゼ in a caret's neighbour.
    shift_jis: ['表|ポ^ゼ,"ソ"\n', '955c7c837c5e835b2c22835c220a'],
    'euc-jp': ['表|ポ,"ソ"\n', 'c9bd7ca5dd2c22a5bd220a'],
    'iso-2022-jp': ['名前,a\nソ,b\n', '1b24424c3e41301b28422c610a1b2442253d1b28422c620a'],
    gb18030: ['名称,€😀\n', 'c3fbb3c62ca2e39439fc360a'],
    gbk: ['名称,"乗"\n', 'c3fbb3c62c22815c220a'],
    big5: ['許功蓋,"a"\n', 'b35ca55cbb5c2c2261220a'],
    'euc-kr': ['이름,"값"\n', 'c0ccb8a72c22b0aa220a'],
    'koi8-r': ['Имя,"Ёж"\n', 'e9cdd12c22b3d6220a'],
    'windows-1251': ['Имя,"Ёж"\n', 'c8ecff2c22a8e6220a'],
    'windows-1250': ['Łódź,ő\n', 'a3f364 9f2cf50a'.replace(' ', '')],
    ibm866: ['Имя\n', '88acef0a'],
    'windows-874': ['ชื่อ\n', 'aad7e8cd0a'],
  } as const;

  it.each(Object.entries(ROWS))('decodes %s wherever chunks end, packed or not', async (encoding, [text, hex]) => {
    const bytes = Buffer.from(hex, 'hex');
    for (const size of SIZES) expect(await decode(bytes, encoding, [size])).toBe(text);
    expect(await decode(gzipSync(bytes), encoding, [5], true)).toBe(text);
    // Longer than the head that is checked first, and than a read.
    const times = Math.ceil(600_000 / bytes.length);
    const many = Buffer.concat(Array.from({ length: times }, () => bytes));
    expect((await decode(many, encoding, [65_521])) === text.repeat(times)).toBe(true);
    // Without the last line ending.
    expect(await decode(bytes.subarray(0, -1), encoding, [2])).toBe(text.slice(0, -1));
  });

  it('decodes a value without a border that spans many chunks', async () => {
    const bytes = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.from('955c', 'hex')));
    expect((await decode(bytes, 'shift_jis', [999])) === '表'.repeat(100_000)).toBe(true);
  });

  describe('malformed text', () => {
    const high = le('\ud83d');
    const low = le('\ude00');
    const cases: [string, string, Buffer, number][] = [
      ['a byte of another encoding', 'utf-8', Buffer.from('ab\xe9,', 'latin1'), 2],
      ['a character that the end cuts', 'utf-8', Buffer.from('ab€').subarray(0, -1), 2],
      ['after a mark', 'utf-8', Buffer.concat([UTF8_MARK, Buffer.from('ab\xe9,', 'latin1')]), 5],
      ['far from the beginning', 'utf-8', Buffer.concat([Buffer.alloc(100_001, 'ab€'), Buffer.from([0xff])]), 100_001],
      ['an odd byte', 'utf-16le', Buffer.concat([le('ab'), Buffer.from([0x61])]), 4],
      ['half a pair at the end', 'utf-16le', Buffer.concat([LE_MARK, le('ab'), high]), 6],
      ['half a pair and a byte at the end', 'utf-16le', Buffer.concat([le('ab'), high, Buffer.from([0])]), 4],
      ['a first half alone', 'utf-16le', Buffer.concat([le('a😀'), high, le('b')]), 6],
      ['a second half alone', 'utf-16le', Buffer.concat([le('a😀'), low, le('b')]), 6],
      ['two first halves', 'utf-16be', Buffer.concat([BE_MARK, be('a'), be('\ud83d'), be('😀')]), 4],
      ['far from the beginning', 'utf-16be', Buffer.concat([be('a€'.repeat(50_000)), be('\ude00'), be('b')]), 200_000],
      ['a byte without a character', 'windows-1252', Buffer.from('ab\x80\x81', 'latin1'), 3],
      [
        'far from the beginning',
        'windows-1252',
        Buffer.concat([Buffer.alloc(100_000, 0xe4), Buffer.from([0x9d])]),
        100_000,
      ],
      ['a byte without a character', 'windows-1250', Buffer.from('ab\x8a\x81', 'latin1'), 3],
      ['a byte without a character', 'windows-1253', Buffer.from('a\xd2', 'latin1'), 1],
      ['half a letter before a comma', 'shift_jis', Buffer.from('955c2c952c', 'hex'), 3],
      ['half a letter at the end', 'shift_jis', Buffer.from('955c2c95', 'hex'), 3],
      [
        'a byte that begins no letter',
        'shift_jis',
        Buffer.from('95 5c 95 5c a0 95 5c 2c'.replaceAll(' ', ''), 'hex'),
        4,
      ],
      [
        'far from the beginning',
        'euc-jp',
        Buffer.concat([Buffer.alloc(300_000, Buffer.from('c9bd2c', 'hex')), Buffer.from('c92c', 'hex')]),
        300_000,
      ],
      [
        'far from the beginning, without a border',
        'gb18030',
        Buffer.concat([Buffer.alloc(100_000, Buffer.from('c3fb', 'hex')), Buffer.from('ff0a', 'hex')]),
        100_000,
      ],
      ['a letter of four bytes that is cut', 'gb18030', Buffer.from('612c9439fc2c', 'hex'), 2],
      // Node decodes these to a control character and a letter.
      ['letters of a larger set', 'euc-kr', Buffer.from('b0aa2c81412c', 'hex'), 3],
      ['UTF-8', 'big5', Buffer.from('a,名\n'), 2],
      ['the mark of UTF-8', 'shift_jis', Buffer.concat([UTF8_MARK, Buffer.from('Id')]), 0],
      ['the mark of UTF-8', 'windows-1252', Buffer.concat([UTF8_MARK, Buffer.from('Id')]), 0],
      ['the mark of the other order', 'utf-16le', Buffer.concat([BE_MARK, be('Id')]), 0],
      ['the mark of UTF-16', 'utf-8', Buffer.concat([LE_MARK, le('Id')]), 0],
      ['the mark of UTF-32', 'utf-16', Buffer.from([0xff, 0xfe, 0, 0, 0x49, 0, 0, 0]), 0],
    ];

    it.each(cases)('%s: %s', async (_name, encoding, bytes, offset) => {
      const expected = failure('CSV_NOT_DECODABLE', `at byte offset ${offset}.`);
      for (const sizes of bytes.length < 100 ? SIZES.map((size) => [size]) : [[1 << 16], [9_999]]) {
        await expect(decode(bytes, encoding, sizes)).rejects.toEqual(expected);
      }
    });

    it('counts the offset in the unpacked text', async () => {
      const expected = failure('CSV_NOT_DECODABLE', 'byte offset 30000.', 'damaged there');
      const bytes = Buffer.concat([Buffer.alloc(30_000, 'é'), Buffer.from([0xe9, 0x2c])]);
      await expect(decode(gzipSync(bytes), 'utf-8', [7], true)).rejects.toEqual(expected);
    });

    it('suggests no language or encoding unless a mark shows it', async () => {
      const message = await decode(in1252, 'utf-8').then(String, String);
      expect(message).toMatch(/not utf-8: .* at byte offset 5\. .*load it with --encoding, or/);
      expect(message).not.toMatch(/windows|latin|europe|language/i);
      const marked = failure('CSV_NOT_DECODABLE', 'mark of utf-16be', '--encoding utf-16be');
      await expect(decode(Buffer.concat([BE_MARK, be('Id')]), 'utf-16le')).rejects.toEqual(marked);
    });
  });

  describe('gzip', () => {
    const one = gzipSync('Id,Größe\n'.repeat(100));
    const two = gzipSync('1,€\n');
    const text = 'Id,Größe\n'.repeat(100);
    const whole = [[1 << 20], [one.length], [1], [7]];

    it('unpacks one member and several', async () => {
      for (const sizes of whole) {
        expect(await decode(one, 'utf-8', sizes, true)).toBe(text);
        expect(await decode(Buffer.concat([one, two, one]), 'utf-8', sizes, true)).toBe(`${text}1,€\n${text}`);
      }
      // A character that is split between two members.
      const cut = Buffer.concat([gzipSync(Buffer.from([0xe2])), gzipSync(Buffer.from([0x82, 0xac]))]);
      expect(await decode(cut, 'utf-8', [5], true)).toBe('€');
      expect(await decode(gzipSync(''), 'utf-8', [5], true)).toBe('');
    });

    it('ignores zeros after the end', async () => {
      for (const sizes of whole) {
        expect(await decode(Buffer.concat([one, Buffer.alloc(512)]), 'utf-8', sizes, true)).toBe(text);
      }
    });

    it('refuses a truncated file', async () => {
      const both = Buffer.concat([one, two]);
      for (const length of [0, 1, 5, 12, one.length - 9, one.length - 1, one.length + 2, both.length - 4]) {
        for (const sizes of whole) {
          const reading = decode(both.subarray(0, length), 'utf-8', sizes, true);
          await expect(reading, `${length}`).rejects.toEqual(failure('SOURCE_GZIP_TRUNCATED'));
        }
      }
    });

    it('refuses a file that is not gzip, is damaged, or is followed by other data', async () => {
      const damaged = Buffer.from(one);
      damaged.writeUInt8((damaged.at(-6) as number) ^ 1, damaged.length - 6);
      const bad = {
        text: Buffer.from('Id,Name\n1,a\n'),
        damaged,
        garbage: Buffer.concat([one, Buffer.from('garbage')]),
        // Node alone would stop silently here, without the rows of the second member.
        'a member after zeros': Buffer.concat([one, Buffer.alloc(40), two]),
      };
      for (const [name, bytes] of Object.entries(bad)) {
        for (const sizes of whole) {
          const reading = decode(bytes, 'utf-8', sizes, true);
          await expect(reading, name).rejects.toEqual(failure('SOURCE_GZIP_INVALID'));
        }
      }
    });

    it('unpacks no more than is read', async () => {
      const source = Readable.from(inChunks(gzipSync(Buffer.alloc(64 << 20, 'a')), [1 << 10]));
      let read = 0;
      source.on('data', (chunk: Buffer) => (read += chunk.length)).pause();
      const output = decodeStream(source, { encoding: 'utf-8', gzip: true });
      await once(output, 'readable');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(read).toBeLessThan(16 << 10);
      output.destroy();
      await once(output, 'close');
    });
  });

  describe.each([false, true])('both ends (gzip: %s)', (gzip) => {
    const options = { encoding: 'windows-1252', gzip };
    const bytes = gzip ? gzipSync(in1252) : in1252;

    it('passes on an error of the source unchanged', async () => {
      const error = new Error('connection reset');
      async function* breaking(): AsyncGenerator<Buffer> {
        yield bytes.subarray(0, 15);
        await Promise.resolve();
        throw error;
      }
      await expect(buffer(decodeStream(Readable.from(breaking()), options))).rejects.toBe(error);
    });

    it('does not treat a destroyed source as ended', async () => {
      const source = new PassThrough();
      source.write(bytes);
      const reading = buffer(decodeStream(source, options));
      setTimeout(() => source.destroy(), 20);
      await expect(reading).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    });

    it.each([undefined, new Error('enough')])(
      'closes a source that waits when the output is destroyed',
      async (why) => {
        const source = new PassThrough();
        source.write(bytes.subarray(0, 15));
        const output = decodeStream(source, options);
        const seen = new Promise((resolve) => output.once('error', resolve));
        await new Promise((resolve) => setTimeout(resolve, 20));
        const closed = closing(source);
        output.destroy(why);
        await closed;
        if (why !== undefined) expect(await seen).toBe(why);
      },
    );

    it('closes the file when only the beginning is read, and after invalid bytes', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'nightload-encoding-'));
      try {
        const path = join(directory, 'data');
        const rows = Buffer.from(Array.from({ length: 200_000 }, (_, n) => `ä${Math.imul(n, 2654435761)}`).join());
        for (const encoding of ['windows-1252', 'utf-16be']) {
          await writeFile(path, gzip ? gzipSync(Buffer.concat([rows, BE_MARK, rows])) : rows);
          const source = createReadStream(path);
          const closed = closing(source);
          const read = async (): Promise<void> => {
            for await (const chunk of decodeStream(source, { encoding, gzip })) {
              expect((chunk as Buffer).length).toBeGreaterThan(0);
              break;
            }
          };
          await read().catch((error: unknown) => expect(error).toEqual(failure('CSV_NOT_DECODABLE')));
          await closed;
        }
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  });
});

import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCell, readCells, withoutLineEnd, writeCells } from '../../../src/csv/cells.js';
import { delimiters } from '../../helpers/csv.js';

describe('readCells', () => {
  it.each<[string, string[]]>([
    ['a,b\n', ['a', 'b']],
    ['a,b\r\n', ['a', 'b']],
    ['a,b', ['a', 'b']],
    ['', ['']],
    ['\n', ['']],
    [',\n', ['', '']],
    [',,', ['', '', '']],
    ['""\n', ['']],
    ['"",""\r\n', ['', '']],
    ['"a,b",c\n', ['a,b', 'c']],
    ['"a\nb","c\r\n"\n', ['a\nb', 'c\r\n']],
    ['"a""b"\n', ['a"b']],
    ['""""\n', ['"']],
    ['"""a""",b\n', ['"a"', 'b']],
    ['" a ", b \n', [' a ', ' b ']],
    ['é,"€😀"\n', ['é', '€😀']],
    // Cells that the platform refuses are read as their raw text, and never move a cell border.
    ['5" pipe,b\n', ['5" pipe', 'b']],
    ['a, "b\n', ['a', ' "b']],
    ['"a"b,c\n', ['a"b', 'c']],
    ['"a\n', ['a']],
  ])('reads %j', (text, cells) => {
    expect(readCells(Buffer.from(text), ',')).toEqual(cells);
    cells.forEach((cell, index) => expect(readCell(Buffer.from(text), index, ',')).toBe(cell));
    expect(readCell(Buffer.from(text), cells.length, ',')).toBe('');
  });

  it('reads a view into a larger buffer', () => {
    const whole = Buffer.from('x,y\na,"b"\nz,"w"\n');
    expect(readCells(whole.subarray(4, 10), ',')).toEqual(['a', 'b']);
  });
});

describe('withoutLineEnd', () => {
  it.each([
    ['ab\n', 2],
    ['ab\r\n', 2],
    ['ab', 2],
    ['\n', 0],
    ['', 0],
    ['a\n\n', 2],
  ])('measures %j', (text, length) => {
    expect(withoutLineEnd(Buffer.from(text))).toBe(length);
  });
});

describe('writeCells', () => {
  it('quotes only where necessary', () => {
    expect(writeCells(['a', ' b ', '', 'c;d', '#N/A'], ',', 'LF')).toBe('a, b ,,c;d,#N/A\n');
    expect(writeCells(['a,b', 'c"d', 'e\nf', 'g\rh'], ',', 'LF')).toBe('"a,b","c""d","e\nf","g\rh"\n');
    expect(writeCells(['a,b', 'c;d'], ';', 'CRLF')).toBe('a,b;"c;d"\r\n');
  });

  it('converts line breaks inside cells to those of the file', () => {
    expect(writeCells(['a\r\nb\nc'], ',', 'LF')).toBe('"a\nb\nc"\n');
    expect(writeCells(['a\r\nb\nc'], ',', 'CRLF')).toBe('"a\r\nb\r\nc"\r\n');
  });

  it('writes a single empty cell so that it stays a record', () => {
    expect(writeCells([''], ',', 'LF')).toBe('""\n');
    expect(writeCells(['', ''], ',', 'LF')).toBe(',\n');
  });

  it('is parsed back unchanged, by this reader and by csv-parse', () => {
    const lineEnding = fc.constantFrom('LF' as const, 'CRLF' as const);
    fc.assert(
      fc.property(delimiters, lineEnding, fc.infiniteStream(fc.nat()), (delimiter, ending, numbers) => {
        const alphabet = ['"', delimiter, '\n', '\r', 'a', ' ', 'é', ';', ','];
        const next = (most: number): number => (numbers.next().value as number) % most;
        const text = (): string => Array.from({ length: next(6) }, () => alphabet[next(alphabet.length)]).join('');
        const cells = Array.from({ length: 1 + next(4) }, text);
        const end = ending === 'LF' ? '\n' : '\r\n';
        const written = writeCells(cells, delimiter, ending);
        const expected = cells.map((cell) => cell.replaceAll(/\r*\n/g, end));
        expect(readCells(Buffer.from(written), delimiter)).toEqual(expected);
        expect(parse(written, { delimiter, record_delimiter: end })).toEqual([expected]);
      }),
      { numRuns: 3000 },
    );
  });
});

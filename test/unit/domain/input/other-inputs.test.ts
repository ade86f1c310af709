import { describe, expect, it } from 'vitest';
import {
  readConnection,
  readCorrections,
  readOrphanJobsInput,
  readPruneResultsInput,
} from '../../../../src/domain/input/other-inputs.js';

const invalid = (message: string) => expect.objectContaining({ code: 'INVALID_INPUT', message }) as Error;

describe('corrections', () => {
  it('are read without unknown and unset fields', () => {
    const source = 'file:///data/corrected.csv';
    expect(readCorrections({ source, delimiter: ';', encoding: null, later: 1 })).toEqual({ source, delimiter: ';' });
  });

  it.each([
    [undefined, 'Corrections must be an object with source.'],
    [[], 'Corrections must be an object with source.'],
    [
      { source: 'http://x' },
      '"source" is "http://x"; it must be a file: or s3: URI such as file:///data/corrected.csv that a worker sees.',
    ],
    [{ source: 'file:///a', delimiter: ';;' }, '"delimiter" is ";;"; it must be one of , ; tab | ^ `.'],
    [
      { source: 'file:///a', encoding: ' ' },
      '"encoding" is " "; it must be the name of an encoding, such as windows-1252.',
    ],
  ])('are refused when they are %j', (given, message) => {
    expect(() => readCorrections(given)).toThrow(invalid(message));
  });
});

describe('the input of pruneResults', () => {
  it('may ask for years', () => {
    expect(readPruneResultsInput({ olderThan: '900d', dryRun: null })).toEqual({ olderThan: '900d' });
  });

  it.each([
    [undefined, 'The input must be an object with olderThan.'],
    [{}, '"olderThan" is undefined; write a duration such as 5s or 8h.'],
    [{ olderThan: '23h' }, '"olderThan" is "23h"; the minimum is 1d.'],
    [{ olderThan: '-40d' }, '"olderThan" is "-40d"; write a duration such as 5s or 8h.'],
    [{ olderThan: '30d', dryRun: 'yes' }, '"dryRun" is "yes"; it must be true or false.'],
  ])('is refused when it is %j', (given, message) => {
    expect(() => readPruneResultsInput(given)).toThrow(invalid(message));
  });
});

describe('the input of orphanJobs', () => {
  it('may be omitted', () => {
    expect(readOrphanJobsInput(undefined)).toEqual({});
    expect(readOrphanJobsInput({ abort: null, olderThan: '1h' })).toEqual({ olderThan: '1h' });
  });

  it.each([
    [[], 'The input must be an object, or be omitted.'],
    [{ abort: 'yes' }, '"abort" is "yes"; it must be true or false.'],
    [{ olderThan: 'soon' }, '"olderThan" is "soon"; write a duration such as 5s or 8h.'],
  ])('is refused when it is %j', (given, message) => {
    expect(() => readOrphanJobsInput(given)).toThrow(invalid(message));
  });
});

it('reads the name of a connection', () => {
  expect(readConnection(undefined)).toBe('default');
  expect(() => readConnection('')).toThrow('it must be the name of a connection of the worker');
  expect(() => readConnection({})).toThrow('it must be the name of a connection of the worker');
});

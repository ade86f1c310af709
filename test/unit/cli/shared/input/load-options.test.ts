import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../../../src/contract/names.js';
import type { BulkLoadInput } from '../../../../../src/contract/load-input.js';
import { toInput, withFiles } from '../../../../../src/cli/shared/input/load-input.js';
import {
  addLoadOptions,
  collectMapping,
  collectPair,
  parseBytes,
  parseShare,
  parseWhole,
} from '../../../../../src/cli/shared/input/load-options.js';
import type { LoadOptions } from '../../../../../src/cli/shared/input/load-options.js';
import { resolveInput } from '../../../../../src/domain/input/resolve-input.js';

interface Parsed {
  input: BulkLoadInput;
  options: LoadOptions;
}

const least = ['accounts.csv', '--object', 'Account', '--operation', 'insert'];

/** The load that `nightload load <words>` would start. */
function parse(words: string[]): Parsed {
  const command = addLoadOptions(new Command('load'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse(words, { from: 'user' });
  const options = command.opts<LoadOptions>();
  return { input: toInput(command.args[0] ?? '', options), options };
}
const inputOf = (...more: string[]): BulkLoadInput => parse([...least, ...more]).input;
const here = (path: string): string => pathToFileURL(resolve(path)).href;

describe('nightload load', () => {
  it('sets only the given options', () => {
    expect(inputOf()).toEqual({
      source: here('accounts.csv'),
      object: 'Account',
      operation: 'insert',
      connection: 'default',
    });
  });

  it('accepts every option', () => {
    const words =
      'data/in.csv --object Invoice__c --operation upsert --external-id Ext__c --connection acme --id night-1 ' +
      '--map Key=Ext__c --map Note= --set Source__c=nightload --insert-nulls --part-size 5MB --parallel 4 ' +
      '--poll-initial 200ms --poll-max 30s --poll-settle 1s --retry-rounds 5 --retry-wait 10s ' +
      '--abort-when-failed 25% --priority 1 --delimiter ; --line-ending CRLF --encoding utf-8 --output out';
    expect(parse(words.split(' ')).input).toEqual({
      source: here('data/in.csv'),
      object: 'Invoice__c',
      operation: 'upsert',
      externalIdFieldName: 'Ext__c',
      connection: 'acme',
      loadId: 'night-1',
      columns: { Key: 'Ext__c', Note: '' },
      constants: { Source__c: 'nightload' },
      blankAsNull: true,
      part: { maxBytes: 5_000_000, maxConcurrent: 4 },
      poll: { initialInterval: '200ms', maximumInterval: '30s', settleInterval: '1s' },
      retry: { maxRounds: 5, initialWait: '10s' },
      abortWhen: { failedRatio: 0.25 },
      priority: 1,
      delimiter: ';',
      lineEnding: 'CRLF',
      encoding: 'utf-8',
      output: here('out'),
    } satisfies BulkLoadInput);
  });

  it.each<[string[], Partial<LoadOptions>]>([
    [['--again'], { again: true }],
    [['--detach'], { detach: true }],
    [['--json'], { json: true }],
    [['--detach', '--json', '--again'], { again: true, detach: true, json: true }],
  ])('%j is for the command, not for the load', (words, options) => {
    const parsed = parse([...least, ...words]);
    expect(parsed.options).toMatchObject(options);
    expect(parsed.input).toEqual(inputOf());
  });

  it.each<[string[], Partial<BulkLoadInput>]>([
    [['--part-size', '100MB'], { part: { maxBytes: 100_000_000 } }],
    [['--parallel', '1'], { part: { maxConcurrent: 1 } }],
    [['--poll-max', '10 minutes'], { poll: { maximumInterval: '10 minutes' } }],
    [['--retry-rounds', '0'], { retry: { maxRounds: 0 } }],
    [['--abort-when-failed', '0.1'], { abortWhen: { failedRatio: 0.1 } }],
    [['--delimiter', 'tab'], { delimiter: '\t' }],
    [['--delimiter', '\\t'], { delimiter: '\t' }],
    [['--delimiter', '\t'], { delimiter: '\t' }],
    [['--delimiter', '|'], { delimiter: '|' }],
    [['--map', 'Account Name=Name', '--map', 'Id='], { columns: { 'Account Name': 'Name', Id: '' } }],
    [['--set', 'Note__c=a=b, c', '--set', 'Empty__c='], { constants: { Note__c: 'a=b, c', Empty__c: '' } }],
    [['--map', 'A=B__c', '--map', 'A=C__c'], { columns: { A: 'C__c' } }],
  ])('reads %j', (words, expected) => {
    expect(inputOf(...words)).toEqual({ ...inputOf(), ...expected });
  });

  it.each(OPERATIONS)('accepts the operation %s', (operation) => {
    expect(parse(['a.csv', '--object', 'Account', '--operation', operation]).input.operation).toBe(operation);
  });

  it.each<[string[]]>([
    [[]],
    [['a.csv']],
    [['a.csv', '--object', 'Account']],
    [['a.csv', '--operation', 'insert']],
    [['--object', 'Account', '--operation', 'insert']],
    [['a.csv', '--object', 'Account', '--operation', 'merge']],
    [[...least, '--part-size', 'big']],
    [[...least, '--part-size', '100GiB']],
    [[...least, '--parallel', 'two']],
    [[...least, '--parallel', '1.5']],
    [[...least, '--retry-rounds', '-1']],
    [[...least, '--abort-when-failed', '150%']],
    [[...least, '--abort-when-failed', 'half']],
    [[...least, '--priority', 'high']],
    [[...least, '--line-ending', 'CR']],
    [[...least, '--map', 'Name']],
    [[...least, '--set', '=value']],
    [[...least, '--colour', 'blue']],
  ])('refuses %j', (words) => {
    expect(() => parse(words)).toThrow(expect.objectContaining({ name: 'CommanderError', exitCode: 1 }) as Error);
  });

  it('produces durations and limits that a load accepts', () => {
    const words = ['--poll-initial', '2s', '--poll-max', '1 hour', '--retry-wait', '90s', '--part-size', '500kB'];
    expect(resolveInput(inputOf(...words), 'bulk-load/x')).toMatchObject({
      partMaxBytes: 500_000,
      poll: { initialMs: 2_000, maximumMs: 3_600_000 },
      retry: { initialWaitMs: 90_000 },
    });
    expect(resolveInput(inputOf(), 'bulk-load/x')).toEqual(
      resolveInput({ source: 'file:///a.csv', object: 'Account', operation: 'insert' }, 'bulk-load/x'),
    );
  });

  it.each<[string[]]>([
    [['--poll-initial', 'soon']],
    [['--retry-wait', '1 moment']],
    [['--part-size', '1']],
    [['--part-size', '151MB']],
    [['--parallel', '0']],
    [['--priority', '9']],
    [['--id', 'a/b']],
    [['--delimiter', ':']],
    [['--encoding', ' ']],
  ])('leaves it to the load to refuse %j', (words) => {
    expect(() => resolveInput(inputOf(...words), 'bulk-load/x')).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }) as Error,
    );
  });
});

describe('paths', () => {
  it.each(['accounts.csv', './a b.csv', '../up/ä#1?.csv', '/data/100%.csv'])(
    'resolves %j to an absolute path',
    (path) => {
      const { source, output } = parse([path, ...least.slice(1), '--output', path]).input;
      expect(source).toMatch(/^file:\/\/\//);
      expect(fileURLToPath(source)).toBe(resolve(path));
      expect(output).toBe(source);
    },
  );

  it('leaves URIs unchanged', () => {
    const { source, output } = parse(['file:///data/a%20b.csv', ...least.slice(1), '--output', 'file:///out/']).input;
    expect([source, output]).toEqual(['file:///data/a%20b.csv', 'file:///out/']);
  });
});

const refusal = expect.objectContaining({ code: 'commander.invalidArgument' }) as Error;

describe('parseBytes', () => {
  it.each([
    ['100MB', 100_000_000],
    ['100 mb', 100_000_000],
    ['1.5MB', 1_500_000],
    ['5kB', 5_000],
    ['5KB', 5_000],
    ['2000', 2_000],
    ['2000b', 2_000],
    [' 7MB ', 7_000_000],
    ['0.1MB', 100_000],
  ])('reads %j', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(['', 'MB', '-5MB', '1e6', '1,000', '5 M B', '5MiB', '1.MB', '.5MB', 'Infinity'])('refuses %j', (text) => {
    expect(() => parseBytes(text)).toThrow(refusal);
  });
});

describe('parseShare', () => {
  it.each([
    ['50%', 0.5],
    [' 50 % ', 0.5],
    ['0.5', 0.5],
    ['12.5%', 0.125],
    ['0', 0],
    ['0%', 0],
    ['1', 1],
    ['100%', 1],
  ])('reads %j', (text, share) => {
    expect(parseShare(text)).toBe(share);
  });

  it.each(['50', '101%', '1.01', '-1%', '-0.1', 'half', '50%%', 'NaN', 'x%'])('refuses %j', (text) => {
    expect(() => parseShare(text)).toThrow(refusal);
  });
});

describe('parseWhole', () => {
  it.each([
    ['0', 0],
    ['3', 3],
    ['007', 7],
  ])('reads %j', (text, number) => {
    expect(parseWhole(text)).toBe(number);
  });

  it.each(['', ' ', '-1', '1.5', '1e3', '0x10', 'two', '3 '])('refuses %j', (text) => {
    expect(() => parseWhole(text)).toThrow(refusal);
  });
});

it('accepts a header with an equals sign in --map, and a value with one in --set', () => {
  expect(collectMapping('a=b=')).toEqual({ 'a=b': '' });
  expect(collectMapping('a=b=Name')).toEqual({ 'a=b': 'Name' });
  // The column without a name.
  expect(collectMapping('=', { a: 'b' })).toEqual({ a: 'b', '': '' });
  expect(() => collectMapping('Name')).toThrow('NAME=VALUE');
  expect(collectPair('Name=a=b')).toEqual({ Name: 'a=b' });
});

describe('collectPair', () => {
  it('adds to earlier pairs without changing them', () => {
    const before = { A: '1' };
    expect(collectPair('B=2', before)).toEqual({ A: '1', B: '2' });
    expect(before).toEqual({ A: '1' });
  });

  it('does not confuse names with object members', () => {
    expect(Object.entries(collectPair('__proto__=x'))).toEqual([['__proto__', 'x']]);
    expect(Object.entries(collectPair('constructor=x'))).toEqual([['constructor', 'x']]);
  });

  it.each(['', 'Name', '=', '=x'])('refuses %j', (text) => {
    expect(() => collectPair(text)).toThrow(refusal);
  });
});

describe('--map-file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightload-mapping-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const inputWith = async (...more: string[]): Promise<BulkLoadInput> =>
    toInput('accounts.csv', await withFiles(parse([...least, ...more]).options));

  it('reads headers and API names from JSON; --map overrides it', async () => {
    const path = file('map.json', '{"Customer No": "External_Id__c", "Remark": "", "A": "B__c"}');
    expect((await inputWith('--map-file', path, '--map', 'A=C__c')).columns).toEqual({
      'Customer No': 'External_Id__c',
      Remark: '',
      A: 'C__c',
    });
  });

  it('reads a Data Loader mapping with its escapes, parents and constants; --set overrides it', async () => {
    const text =
      '#Mapping values\n#Mon Nov 23 20:15:00 CET 2026\nCustomer\\ No=External_Id__c\nParent\\ Key=Parent\\:Key__c\n' +
      'Gr\\u00F6\\u00DFe=Size__c\nRemark=\n"Berlin"=BillingCity\n"x"=Source__c\n';
    const { columnsIfPresent, constants } = await inputWith(
      '--map-file',
      file('map.sdl', text),
      '--set',
      'Source__c=nightload',
    );
    expect(columnsIfPresent).toEqual({
      'Customer No': 'External_Id__c',
      'Parent Key': 'Parent.Key__c',
      Größe: 'Size__c',
      Remark: '',
    });
    expect(constants).toEqual({ BillingCity: 'Berlin', Source__c: 'nightload' });
  });

  it('reads the formats of Java and of editors', async () => {
    for (const content of [Buffer.from('Größe=Size__c', 'latin1'), 'Größe=Size__c']) {
      expect((await inputWith('--map-file', file('odd.sdl', content))).columnsIfPresent).toEqual({ Größe: 'Size__c' });
    }
  });

  it('accepts the parents of newer Data Loaders, and one column for several fields', async () => {
    const text =
      'Mail=Owner\\:User-Email\nLead=Who:Lead-Email\nOld=Parent\\:Key__c\nBoth=B__c, Owner\\:User-Email,\n"x"=C__c, D__c\n';
    expect(await inputWith('--map-file', file('new.sdl', text))).toMatchObject({
      columnsIfPresent: {
        Mail: 'User:Owner.Email',
        Lead: 'Lead:Who.Email',
        Old: 'Parent.Key__c',
        Both: 'B__c,User:Owner.Email',
      },
      constants: { C__c: 'x', D__c: 'x' },
    });
  });

  it('lets --map override the file in any letter case', async () => {
    const path = file('case.json', '{"NAME": "A__c", "b": "B__c"}');
    expect((await inputWith('--map-file', path, '--map', 'Name=C__c')).columns).toEqual({ b: 'B__c', Name: 'C__c' });
  });

  it.each([
    ['no file', () => join(folder, 'none.json'), /ENOENT/],
    ['no JSON', () => file('bad.json', '{"a"'), /not valid JSON/],
    ['a list', () => file('list.json', '[]'), /one object/],
    ['a number for a name', () => file('number.json', '{"a": 1}'), /"a" must be a string/],
  ])('refuses %s', async (_what, path, says) => {
    await expect(inputWith('--map-file', path())).rejects.toThrow(
      expect.objectContaining({ code: 'MAPPING_UNREADABLE', message: expect.stringMatching(says) as string }),
    );
  });
});

/** docs/errors.md lists every error code of nightload, and no other. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
/** Source formatted by prettier: strings in single quotes; names in comments in backquotes. */
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.startsWith('simulator'))
  .map((name) => ({ name, text: readFileSync(join(ROOT, 'src', name), 'utf8') }));

/** Strings that look like codes: variables, and names from Temporal, Node and undici. */
const NO_CODES = [
  /^(SF|NIGHTLOAD|OTEL|XDG|UND_ERR|Z)_/,
  /^(TEMPORAL_(ADDRESS|CONFIG_FILE|PROFILE|TLS_.+_PATH)|HTTPS?_PROXY|NO_PROXY)$/,
  /^(ALLOW_DUPLICATE|REJECT_DUPLICATE|AUTO_UPGRADE|CONTINUED_AS_NEW|TIMED_OUT|KEYWORD_LIST|REQUEST_CANCEL|TRY_CANCEL|USE_EXISTING|WAIT_CANCELLATION_COMPLETED)$/,
];

/** Codes that are only compared come from another program. */
const COMPARED = /(?:[!=]==|case)\s+'\w+'/g;
/** Two or more words are a code anywhere: helpers pass them on. */
const LONG_CODE = /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g;
/** One word is a code only where a code is expected. */
const SHORT_CODE = /(?:Error\(|\b(?:code|type)(?::| \?\?))\s*'([A-Z][A-Z0-9]{3,})'/g;
/** nightload's own row errors, in the platform's format: `CODE:message:Field --`. */
const ROW_CODE = /`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+):/g;
/** Codes with another code as a suffix: `AUTH_${…}`. */
const PREFIX = /`([A-Z]+_(?:[A-Z]+_)?)\$\{/g;
/** Thrown errors; the first argument may be an expression. */
const THROWN = /new (?:Nightload|Salesforce)Error\(\s*('[^']*')/g;

function found(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] as string);
}

/** Where each code is used. */
function givenCodes(): Map<string, string> {
  const codes = new Map<string, string>();
  for (const { name, text } of SOURCES) {
    const giving = text.replaceAll(COMPARED, '');
    for (const code of [LONG_CODE, SHORT_CODE, ROW_CODE].flatMap((pattern) => found(pattern, giving))) {
      if (NO_CODES.every((pattern) => !pattern.test(code))) codes.set(code, name);
    }
  }
  return codes;
}

/** Rows of the page's tables that begin with a code. */
const LISTED = PAGE.split('\n')
  .filter((line) => /^\| `[A-Z]/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .map(([, code = '', ...rest]) => ({ code: code.replaceAll('`', ''), told: rest.slice(0, -1) }));

const given = givenCodes();

describe('the codes in the sources', () => {
  it('are found in all forms in which they occur', () => {
    const samples = [
      'SOURCE_NOT_FOUND', // new NightloadError(
      'TOKEN_RENEWED', // new SalesforceError(
      'MULTIPLE_CONTENTS', // code: of a rule
      'HEADER_NO_EXTERNAL_ID', // code: of a choice
      'EXTERNAL_ID_NEEDED', // a helper
      'JOB_TIMED_OUT', // second argument of a failure
      'WORKER_SHUTDOWN', // type: of a failure
      'ALREADY_LOADED', // super(
      'UNEXPECTED', // one word
      'UNBALANCED',
      'USAGE',
      'DUPLICATE_KEY_IN_FILE', // the error of a row
    ];
    expect(samples.filter((code) => !given.has(code))).toEqual([]);
    const thrown = SOURCES.flatMap(({ text }) => found(THROWN, text).map((code) => code.slice(1, -1)));
    expect(thrown.length).toBeGreaterThan(60);
    expect(thrown.filter((code) => !given.has(code))).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  it('lists every code that is used', () => {
    const listed = new Set(LISTED.map(({ code }) => code));
    const missing = [...given].filter(([code]) => !listed.has(code)).map(([code, file]) => `${code} of src/${file}`);
    expect(missing).toEqual([]);
  });

  it('lists no unused code', () => {
    expect(LISTED.map(({ code }) => code).filter((code) => !given.has(code))).toEqual([]);
  });

  it('lists no code twice', () => {
    const codes = LISTED.map(({ code }) => code);
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
  });

  it('explains for each code what happened and what to do', () => {
    expect(LISTED.filter(({ told }) => told.length !== 2 || told.includes(''))).toEqual([]);
  });

  it('lists the codes that include codes of other programs', () => {
    const prefixes = new Set(SOURCES.flatMap(({ text }) => found(PREFIX, text)));
    expect(prefixes.size).toBeGreaterThan(2);
    expect([...prefixes].filter((prefix) => !PAGE.includes(`\`${prefix}<`))).toEqual([]);
  });
});

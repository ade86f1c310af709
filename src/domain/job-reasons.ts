/**
 * Why a job failed, in words that are known beforehand. The platform's own text may name a column of a file without a
 * header line, or repeat a row, and what a job says goes into histories: only its code and phrases of this list do. Pure.
 */
import { passingWords } from '../csv/row-errors.js';

/** As the platform spells them, without underscores in any letter case. */
const CODES: ReadonlyMap<string, string> = new Map(
  [
    'ApiVersionNotSupported',
    'ClientInputError',
    'ExceededQuota',
    'FeatureNotEnabled',
    'InternalServerError',
    'InvalidBatch',
    'InvalidEntity',
    'InvalidJob',
    'InvalidJobState',
    'InvalidOperation',
    'InvalidSessionId',
    'InvalidUrl',
    'InvalidUser',
    'InvalidVersion',
    'InvalidXML',
    'LimitExceeded',
    'MethodNotAllowed',
    'NotFound',
    'ServerUnavailable',
    'Timeout',
    'TooManyLockFailure',
    'Unknown',
    'UnknownException',
  ].map((code) => [code.toLowerCase(), code]),
);

/** An API name of its own form: no value of a row ends so. */
const CUSTOM_NAME = /^(?:\w{1,80}:)?(?:\w{1,80}\.)?\w{1,80}__[a-z]{1,3}(?:\.\w{1,80})?(?![\w|])/;

interface Phrase {
  text: RegExp;
  words: string;
  /** What follows is shown when it is an API name. */
  names?: true;
}

const PHRASES: readonly Phrase[] = [
  { text: /Field name not found(?: ?: *)?/i, words: 'Field name not found', names: true },
  { text: /Unable to find relationship(?: ?: *)?/i, words: 'Unable to find relationship', names: true },
  { text: /Unable to find object(?: ?: *)?/i, words: 'Unable to find object', names: true },
  { text: /LineEnding is invalid/i, words: 'LineEnding is invalid' },
  { text: /type is not needed for non polymorphic/i, words: 'type is not needed for non polymorphic fields' },
  { text: /must contain only ids/i, words: 'must contain only ids' },
  { text: /Failed to parse CSV/i, words: 'Failed to parse CSV' },
  { text: /unescaped quote/i, words: 'unescaped quote' },
  { text: /ApiBatchItems/i, words: 'ApiBatchItems' },
  { text: /Limit exceeded/i, words: 'Limit exceeded' },
  { text: /hardDelete operation requires/i, words: 'hardDelete operation requires a permission' },
  { text: /An unexpected error occurred/i, words: 'An unexpected error occurred' },
  { text: /Too many lock failure/i, words: 'Too many lock failure' },
  { text: /retried more than/i, words: 'retried too often' },
];

/** What a text has that this list does not. */
export const OTHER_REASON = 'for a reason in words of its own (`details` in report.json)';

/** What is told of a job's `errorMessage`; undefined when it has none. */
export function jobReason(errorMessage: string | undefined): string | undefined {
  const text = errorMessage?.trim() ?? '';
  if (text === '') return undefined;
  const first = text.split(':')[0]?.trim() ?? '';
  const code = CODES.get(first.replaceAll(/[\s_]/g, '').toLowerCase()) ?? rowCode(first);
  const words = new Set(PHRASES.flatMap((phrase) => wordsOf(phrase, text)));
  const passing = passingWords(text);
  if (passing !== undefined && passing !== code) words.add(passing);
  const told = [...words].join(', ');
  if (code === undefined) return told === '' ? OTHER_REASON : told;
  return told === '' ? code : `${code} : ${told}`;
}

/** The code of a row: words with underscores between them. */
function rowCode(text: string): string | undefined {
  return text.length <= 80 && /^[A-Z]{2,}(?:_[A-Z]+)+$/.test(text) ? text : undefined;
}

function wordsOf({ text: pattern, words, names }: Phrase, text: string): string[] {
  const match = pattern.exec(text);
  if (match === null) return [];
  const name = names && CUSTOM_NAME.exec(text.slice(match.index + match[0].length))?.[0];
  return [name ? `${words} : ${name}` : words];
}

/**
 * Why a job failed, in predefined text. The platform's own text may name a column of a file without a header line, or
 * repeat a row, and a job's errors go into histories: only its code and phrases from this list do. Pure.
 */
import { passingWords } from './row-errors.js';

/** In the platform's spelling; also matched without underscores and in any letter case. */
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

/** A custom API name: no value in a row ends like this. */
const CUSTOM_NAME = /^(?:\w{1,80}:)?(?:\w{1,80}\.)?\w{1,80}__[a-z]{1,3}(?:\.\w{1,80})?(?![\w|])/;

interface Phrase {
  text: RegExp;
  words: string;
  /** The API name that follows is shown too. */
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

/** Replaces text that is not in this list. */
export const OTHER_REASON = 'the reason is in `details` of report.json';

/** The text shown for a job's `errorMessage`; undefined when it has none. */
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

/** A row's error code: capitals separated by underscores. */
function rowCode(text: string): string | undefined {
  return text.length <= 80 && /^[A-Z]{2,}(?:_[A-Z]+)+$/.test(text) ? text : undefined;
}

function wordsOf({ text: pattern, words, names }: Phrase, text: string): string[] {
  const match = pattern.exec(text);
  if (match === null) return [];
  const name = names && CUSTOM_NAME.exec(text.slice(match.index + match[0].length))?.[0];
  return [name ? `${words} : ${name}` : words];
}

/** What it means when a job fails as a whole, and what to do about it, based on the platform's message. Pure. */
import { saysItPasses } from '../../../domain/platform/row-errors.js';
import type { JobStatus } from '../../../protocol/activities/job-types.js';

interface Remedy {
  text: RegExp;
  advice: (match: RegExpExecArray) => string;
  /** Not about the file or the job: the same job may pass later. */
  passes?: true;
}

/** Characters of the platform's message that are examined. */
const MAX_READ = 4_000;

/** What an API name may consist of, with the object in front of a relationship. */
const NAME = /^(?:\w+:)?(\w+)(?:\.\w+)*$/;

/** A custom API name shows where it ends: a label has no `__`. */
function customName(text: string): string | undefined {
  const [token = ''] = /^[\w:.]*/.exec(text) ?? [];
  const name = withoutStop(token);
  if (name === token && !/^(?:$|[\s,;])/.test(text.slice(token.length))) return undefined;
  const own = NAME.exec(name)?.[1] ?? '';
  const at = own.indexOf('__');
  return at !== -1 && at + 2 < own.length ? name : undefined;
}

/** Where the next sentence begins. A title may hold dots, commas and brackets itself. */
const NEXT_SENTENCE = /\.(?=\s+\p{Lu}|\s*$)|;\s|\r?\n/u;
/** Where the sentence continues about the batch, whatever stands in between. */
const OF_BATCH = /[\s.;,([–-](?:The )?[Bb]atch (?:will|was|has)\b/u;

/** The name that a text starts with, without the rest of the sentence. */
function nameIn(rest = ''): string {
  const text = rest.trim();
  const known = customName(text);
  if (known !== undefined) return known;
  const sentence = text.search(NEXT_SENTENCE);
  const batch = text.search(OF_BATCH);
  const ends = [sentence, batch].filter((at) => at !== -1);
  const name = ends.length === 0 ? text : text.slice(0, Math.min(...ends));
  return batch === -1 ? name.trim() : withoutEnd(name, /[\s.;,([–-]/);
}

function withoutEnd(text: string, sign: RegExp): string {
  let end = text.length;
  while (end > 0 && sign.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

const REMEDIES: readonly Remedy[] = [
  {
    text: /Field name not found ?: *(\S.*)/s,
    advice: ([, rest]) => {
      const name = nameIn(rest);
      return (
        `"${name}" is not a field of this object that the user may see: use its API name in the header, or ` +
        `--map '${name}=Api_Name__c' (columns in the input); --map '${name}=' leaves the column out.`
      );
    },
  },
  {
    text: /Field name not found/i,
    advice: () =>
      'A column of the header is not a field of this object that the user may see; `error.detail` in report.json names it. Use its API name ' +
      "in the header, or --map 'Title=Api_Name__c' (columns in the input); --map 'Title=' leaves the column out.",
  },
  {
    text: /LineEnding is invalid/i,
    advice: () => 'The line endings of the file are not those that were specified: omit --line-ending.',
  },
  {
    text: /type is not needed for non polymorphic/i,
    advice: () => 'Write the lookup column without the object: Owner.Email instead of User:Owner.Email.',
  },
  {
    text: /Unable to find relationship ?: *(\S.*)/s,
    advice: ([, rest]) =>
      `"${nameIn(rest)}" is not a relationship of this object: see relationshipName in its describe.`,
  },
  {
    text: /Unable to find relationship/i,
    advice: () =>
      'A column of the header names no relationship of this object; `error.detail` in report.json shows which. See relationshipName in its describe.',
  },
  {
    text: /must contain only ids/i,
    advice: () => 'A delete accepts only the column Id.',
  },
  {
    text: /Failed to parse CSV|unescaped quote/i,
    advice: () => 'Check for a quote inside a value that is not doubled.',
  },
  {
    text: /ExceededQuota|Limit exceeded/i,
    advice: () =>
      "The org's allocation of the last 24 hours is used up: capacity returns as the rolling 24-hour window advances.",
    passes: true,
  },
];

/** Codes that are about the file, the job or its user, in lower case for both spellings. */
const NEEDS_PERSON: ReadonlySet<string> = new Set([
  'invalidbatch',
  'clientinputerror',
  'featurenotenabled',
  'invalidjob',
  'invalidentity',
  'invalidoperation',
  'invaliduser',
  'invalidurl',
  'invalidxml',
  'methodnotallowed',
]);

/** A job that failed for a temporary reason; its files must show whether any of it was applied. */
export function mayBeSentAgain({ state, errorMessage }: JobStatus): boolean {
  return state === 'Failed' && !needsPerson(errorMessage);
}

/**
 * A job that failed with nothing applied: its rows are sent again, unless the platform reports what is wrong with it.
 */
export function needsPerson(said = ''): boolean {
  const errorMessage = said.slice(0, MAX_READ);
  if (saysItPasses(errorMessage)) return false;
  const code = errorMessage.split(':')[0]?.replaceAll(/[\s_]/g, '').toLowerCase() ?? '';
  return NEEDS_PERSON.has(code) || REMEDIES.some(({ text, passes }) => passes !== true && text.test(errorMessage));
}

/** We end sentences ourselves. */
export function withoutStop(said: string): string {
  return withoutEnd(said, /[.\s]/);
}

/**
 * Advice that follows the platform's message; nothing has been loaded, so the corrected file is simply loaded again.
 */
export function remedyFor(said = ''): string {
  const errorMessage = said.slice(0, MAX_READ);
  for (const { text, advice } of REMEDIES) {
    const match = text.exec(errorMessage);
    if (match !== null) return ` ${advice(match)} Then load the file again.`;
  }
  return ' Nothing needs to be undone: fix the cause, then load the file again.';
}

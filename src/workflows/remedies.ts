/** What a job means that failed as a whole, and what to do about it, by what the platform says of it. Pure. */
import { saysItPasses } from '../csv/row-errors.js';

interface Remedy {
  text: RegExp;
  advice: (match: RegExpExecArray) => string;
  /** Not about the file or the job: the same job may pass later. */
  passes?: true;
}

/** Characters of the platform's words that are looked at. */
const MOST_READ = 4_000;

/** What an API name may be made of, with the object in front of a relationship. */
const NAME = /^(?:\w+:)?(\w+)(?:\.\w+)*$/;

/** An API name of its own form ends where it ends: a label has no `__`. */
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
/** Where it goes on with what is said of the batch, whatever stands in between. */
const OF_BATCH = /[\s.;,([–-](?:The )?[Bb]atch (?:will|was|has)\b/u;

/** The name with which a text goes on, without the rest of the sentence. */
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
        `"${name}" is no field of this object that the user may see: write its API name into the header, or say ` +
        `--map '${name}=Api_Name__c' (columns in the input); --map '${name}=' leaves the column out.`
      );
    },
  },
  {
    text: /Field name not found/i,
    advice: () =>
      'A column of the header is no field of this object that the user may see; `error.detail` in report.json names it. Write its API name ' +
      "into the header, or say --map 'Title=Api_Name__c' (columns in the input); --map 'Title=' leaves the column out.",
  },
  {
    text: /LineEnding is invalid/i,
    advice: () => 'The line ends of the file are not those that were announced: leave --line-ending out.',
  },
  {
    text: /type is not needed for non polymorphic/i,
    advice: () => 'Write the lookup column without the object in front: Owner.Email instead of User:Owner.Email.',
  },
  {
    text: /Unable to find relationship ?: *(\S.*)/s,
    advice: ([, rest]) => `"${nameIn(rest)}" is no relationship of this object: describe names it relationshipName.`,
  },
  {
    text: /Unable to find relationship/i,
    advice: () =>
      'A column of the header names no relationship of this object; `error.detail` in report.json says which. Describe names it relationshipName.',
  },
  {
    text: /must contain only ids/i,
    advice: () => 'A delete takes the column Id alone.',
  },
  {
    text: /Failed to parse CSV|unescaped quote/i,
    advice: () => 'Look for a quote inside a value that is not doubled.',
  },
  {
    text: /ExceededQuota|Limit exceeded/i,
    advice: () => "The org's allocation of the last 24 hours is used up: it comes back as the day rolls on.",
    passes: true,
  },
];

/** Codes that are about the file, the job or its user, in the letters of either spelling. */
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

/** A job that failed with nothing applied: its rows are sent again, unless the platform says what is wrong with it. */
export function needsPerson(said = ''): boolean {
  const errorMessage = said.slice(0, MOST_READ);
  if (saysItPasses(errorMessage)) return false;
  const code = errorMessage.split(':')[0]?.replaceAll(/[\s_]/g, '').toLowerCase() ?? '';
  return NEEDS_PERSON.has(code) || REMEDIES.some(({ text, passes }) => passes !== true && text.test(errorMessage));
}

/** The end of a sentence is ours to set. */
export function withoutStop(said: string): string {
  return withoutEnd(said, /[.\s]/);
}

/** Advice that follows the platform's own words; nothing has been loaded, so the corrected file is simply loaded again. */
export function remedyFor(said = ''): string {
  const errorMessage = said.slice(0, MOST_READ);
  for (const { text, advice } of REMEDIES) {
    const match = text.exec(errorMessage);
    if (match !== null) return ` ${advice(match)} Then load the file again.`;
  }
  return ' Nothing needs to be undone: once the cause is mended, load the file again.';
}

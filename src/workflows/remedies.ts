/** What to do about a job that failed as a whole, by what the platform says of it. Pure. */

interface Remedy {
  text: RegExp;
  advice: (match: RegExpExecArray) => string;
}

const REMEDIES: readonly Remedy[] = [
  {
    text: /Field name not found : (.+)$/,
    advice: ([, name]) =>
      `"${name}" is no field of this object that the user may see: write its API name into the header, or say ` +
      `--map '${name}=Api_Name__c' (columns in the input); --map '${name}=' leaves the column out.`,
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
    text: /Unable to find relationship: (.+)$/,
    advice: ([, name]) => `"${name}" is no relationship of this object: describe names it relationshipName.`,
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
  },
];

/** Advice that follows the platform's own words; nothing has been loaded, so the corrected file is simply loaded again. */
export function remedyFor(errorMessage: string | undefined): string {
  for (const { text, advice } of REMEDIES) {
    const match = text.exec(errorMessage ?? '');
    if (match !== null) return ` ${advice(match)} Then load the file again.`;
  }
  return ' Nothing needs to be undone: once the cause is mended, load the file again.';
}

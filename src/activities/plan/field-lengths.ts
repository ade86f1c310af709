import type { ObjectDescribe } from '../../salesforce/resources/describe.js';

/** For a plan: maximum lengths in characters of the columns that are sent, as far as describe reports them. */
export function lengthsOf(names: readonly string[], describe: ObjectDescribe | undefined): Record<string, number> {
  const fields = new Map(describe?.fields.map(({ name, length }) => [name.toLowerCase(), length]));
  return Object.fromEntries(
    names.flatMap((name): [string, number][] => {
      const length = fields.get(name.toLowerCase()) ?? 0;
      return length > 0 ? [[name, length]] : [];
    }),
  );
}

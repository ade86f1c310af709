/** `--seed-records Account=accounts.csv` */
import { NightloadError } from '../../../errors.js';

/** @throws NightloadError `USAGE` */
export function asSeeds(given: readonly string[]): Record<string, string> {
  const seeds = given.map((one) => /^(\w+)=(.+)$/s.exec(one)?.slice(1) as [string, string] | undefined);
  const wrong = given[seeds.indexOf(undefined)];
  if (wrong === undefined) return Object.fromEntries(seeds as [string, string][]);
  throw new NightloadError('USAGE', `--seed-records ${wrong}: use an object and a file, such as Account=accounts.csv`);
}

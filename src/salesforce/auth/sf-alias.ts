/** The name of a login of the Salesforce CLI. */
import { NightloadError } from '../../errors.js';

/** An alias or a user name; never an option. */
export const ALIAS_PATTERN = '[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}';

/** The connection name for an alias given by `--from-sf`. */
export function connectionNameOf(alias: string): string {
  return alias.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 100);
}

/** @throws NightloadError `USAGE` */
export function checkedAlias(alias: string): string {
  if (new RegExp(`^${ALIAS_PATTERN}$`).test(alias)) return alias;
  throw new NightloadError(
    'USAGE',
    '--from-sf takes an alias or a username of the Salesforce CLI: sf org list shows them.',
  );
}

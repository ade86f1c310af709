/** The connections of this environment, as a worker reads them, for commands that use one themselves. */
import { NightloadError } from '../../../errors.js';
import { connectionsFromEnvironment, withSfCli } from '../../../salesforce/config/connections-from-env.js';
import type { ConnectionSettings } from '../../../salesforce/config/connection-settings.js';
import { connectionNameOf } from '../../../salesforce/auth/sf-alias.js';
import { say } from '../output.js';

export function configuredConnections(): Map<string, ConnectionSettings> {
  return connectionsFromEnvironment(process.env, (text) => say(`Warning: ${text}`));
}

/**
 * All connections, or the one with this name or this login of the Salesforce CLI.
 * @throws NightloadError `CONNECTION_NOT_CONFIGURED`
 */
export function chosenConnections(
  name: string | undefined,
  fromSf: string | undefined,
): Map<string, ConnectionSettings> {
  if (fromSf !== undefined) {
    const alias = connectionNameOf(fromSf);
    const found = withSfCli(new Map(), fromSf).get(alias) as ConnectionSettings;
    return new Map([[alias, found]]);
  }
  const all = configuredConnections();
  if (name === undefined && all.size > 0) return all;
  const settings = name === undefined ? undefined : all.get(name);
  if (name !== undefined && settings !== undefined) return new Map([[name, settings]]);
  const known = [...all.keys()].join(', ');
  throw new NightloadError(
    'CONNECTION_NOT_CONFIGURED',
    `This environment has no connection${name === undefined ? '' : ` "${name}"`}${known === '' ? '' : ` (it has: ${known})`}. ` +
      'Set NIGHTLOAD_CONNECTIONS or SF_* variables as for the worker, or use --from-sf with an alias of the Salesforce CLI.',
  );
}

/** The one connection of a command. */
export function chosenConnection(
  name: string | undefined,
  fromSf: string | undefined,
): { name: string; settings: ConnectionSettings } {
  const [[chosen, settings] = []] = chosenConnections(name, fromSf);
  if (chosen === undefined || settings === undefined) throw new RangeError('a name or an alias is needed');
  return { name: chosen, settings };
}

/** `nightload connection`: what a worker in this environment could log in to. Runs in the command's own process. */
import { NightloadError } from '../../errors.js';
import type { Allow } from '../../salesforce/config/allow-list.js';
import { connectionReport } from '../../salesforce/config/connection-report.js';
import type { ConnectionReport } from '../../salesforce/config/connection-report.js';
import { openConnection } from '../../salesforce/config/open-connection.js';
import type { ConnectionSettings } from '../../salesforce/config/connection-settings.js';
import { count } from '../../domain/text/format.js';
import { chosenConnections, configuredConnections } from '../shared/input/chosen-connections.js';
import { asLoadError, printJson, say } from '../shared/output.js';
import type { LoadError } from '../../contract/load-result.js';
import { defined } from '../../domain/defined.js';

export interface ConnectionOptions {
  fromSf?: string;
  json?: boolean;
}

/** Limit for all calls of one connection; also ends a slow login server or a hanging `sf`. */
const LIMIT_MS = 120_000;

interface Listed {
  name: string;
  auth: ConnectionSettings['auth'];
  /** Host that receives the login or the token. */
  host?: string;
  alias?: string;
  allow?: Allow;
}

type Tested = Listed & (({ ok: true } & ConnectionReport) | { ok: false; error: LoadError });

export async function list({ json }: ConnectionOptions): Promise<number> {
  const connections = [...configuredConnections()].map(([name, settings]) => listed(name, settings));
  for (const { name, auth, host, alias } of connections) {
    say(`${name.padEnd(20)} ${auth.padEnd(18)} ${host ?? `sf login ${alias ?? ''}`}`);
  }
  if (json) printJson({ connections });
  return 0;
}

export async function test(name: string | undefined, { fromSf, json }: ConnectionOptions): Promise<number> {
  const results: Tested[] = [];
  for (const [one, settings] of chosenConnections(name, fromSf)) {
    const result = await testOne(one, settings);
    results.push(result);
    print(result);
  }
  const ok = results.every((result) => result.ok);
  if (json) printJson({ ok, connections: results });
  return ok ? 0 : 1;
}

async function testOne(name: string, settings: ConnectionSettings): Promise<Tested> {
  const shown = listed(name, settings);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(tooSlow()), LIMIT_MS);
  try {
    const connection = openConnection(settings);
    try {
      return { ...shown, ok: true, ...(await connectionReport(connection, limit.signal)) };
    } finally {
      // A hanging login must not delay the command.
      if (!limit.signal.aborted) await connection.close().catch(() => undefined);
    }
  } catch (error) {
    return { ...shown, ok: false, error: asLoadError(error) };
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(): NightloadError {
  return new NightloadError(
    'LOGIN_UNREACHABLE',
    'The login server or the org did not answer within two minutes. Check the network and the login URL.',
  );
}

function listed(name: string, settings: ConnectionSettings): Listed {
  const { auth, allow } = settings;
  const address = auth === 'token' ? settings.instanceUrl : auth === 'sfCli' ? undefined : settings.loginUrl;
  return {
    name,
    auth,
    ...(address !== undefined && { host: new URL(address).host }),
    ...(auth === 'sfCli' && { alias: settings.alias }),
    ...defined({ allow }),
  };
}

function print(result: Tested): void {
  const { name, auth } = result;
  if (!result.ok) {
    say(`${name} (${auth}): ${result.error.code}: ${result.error.message}`);
    return;
  }
  const { organization, user, limits, permissions } = result;
  const sandbox = organization.sandbox === undefined ? '' : organization.sandbox ? ', a sandbox' : ', not a sandbox';
  say(`${name} (${auth}): logged in`);
  say(
    `  Org          ${organization.id ?? 'unknown'}${organization.name === undefined ? '' : ` ${organization.name}`}${sandbox}`,
  );
  say(`  Address      ${result.instanceUrl}, API ${result.apiVersion}`);
  say(`  User         ${user.username ?? 'unknown'}${user.id === undefined ? '' : ` (${user.id})`}`);
  const left = (limit: ConnectionReport['limits']['batches']): string =>
    limit === undefined ? 'unknown' : `${count(limit.remaining)} of ${count(limit.max)} left`;
  say(
    `  Limits       API requests ${left(limits.apiRequests)}; batches ${left(limits.batches)}; storage MB ${left(limits.dataStorageMB)}`,
  );
  say(
    `  Permissions  API Enabled: ${yes(permissions.apiEnabled)} (needed); Bulk API Hard Delete: ${yes(permissions.bulkApiHardDelete)} (for hardDelete)`,
  );
  if (permissions.modifyAllData === true) {
    say(
      '  Warning      The user may "Modify All Data", which is more than loads need: assign a permission set for the objects that it loads instead.',
    );
  }
  if (result.allow !== undefined) say(`  Allowed      ${JSON.stringify(result.allow)}`);
}

function yes(permission: boolean | undefined): string {
  return permission === undefined ? 'unknown' : permission ? 'yes' : 'no';
}

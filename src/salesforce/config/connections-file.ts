/**
 * Reads a connections file (`NIGHTLOAD_CONNECTIONS`): several orgs by name, each with its login and its share of the
 * org's limits. Values may be references, so that the file itself contains no secret.
 */
import { resolve } from 'node:path';
import { NightloadError } from '../../errors.js';
import { secretsMode } from '../../runtime/private-file.js';
import type { SecretsMode } from '../../runtime/private-file.js';
import { readPrivateJson } from '../../runtime/private-json.js';
import type { ConnectionSettings, Environment } from './connection-settings.js';
import { invalid } from './connections-file-errors.js';
import { parseConnections } from './connections-schema.js';
import { EntryReader } from './entry-reader.js';
import type { FileNotes } from './entry-values.js';

interface ConnectionsFile extends FileNotes {
  connections: Map<string, ConnectionSettings>;
}

/**
 * @throws NightloadError `CONNECTIONS_FILE_UNREADABLE`, `CONNECTIONS_FILE_INVALID`, `CONNECTION_REFERENCE_EMPTY`,
 *   `SECRETS_READABLE`, `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`
 */
export function readConnectionsFile(given: string, env: Environment): ConnectionsFile {
  const path = resolve(given);
  const mode = secretsMode(env);
  const parsed = parseConnections(content(path, mode));
  if ('troubles' in parsed) throw invalid(path, parsed.troubles);
  const file: ConnectionsFile = { path, connections: new Map(), variables: new Set(), warnings: [], mode };
  for (const [name, entry] of Object.entries(parsed.connections)) {
    file.connections.set(name, new EntryReader(file, env, name).settings(entry));
  }
  return file;
}

function content(path: string, mode: SecretsMode): unknown {
  return readPrivateJson(path, mode, {
    invalid: (trouble) => invalid(path, [trouble]),
    unreadable: (code, cause) =>
      new NightloadError(
        'CONNECTIONS_FILE_UNREADABLE',
        `The connections file ${path} cannot be read (${code}). ` +
          "Correct NIGHTLOAD_CONNECTIONS, or let the worker's user read the file.",
        { cause },
      ),
  });
}

/**
 * Reads a connections file (`NIGHTLOAD_CONNECTIONS`): several orgs by name, each with its login and its share of the
 * org's limits. Values may be references, so that the file itself contains no secret.
 */
import { resolve } from 'node:path';
import { NightloadError } from '../../errors.js';
import { readPrivately, secretsMode } from '../../runtime/private-file.js';
import type { SecretsMode } from '../../runtime/private-file.js';
import type { ConnectionSettings, Environment } from './connection-settings.js';
import { codeOf, invalid } from './connections-file-errors.js';
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
  const parsed = parseConnections(parse(path, load(path, mode)));
  if ('troubles' in parsed) throw invalid(path, parsed.troubles);
  const file: ConnectionsFile = { path, connections: new Map(), variables: new Set(), warnings: [], mode };
  for (const [name, entry] of Object.entries(parsed.connections)) {
    file.connections.set(name, new EntryReader(file, env, name).settings(entry));
  }
  return file;
}

function load(path: string, mode: SecretsMode): string {
  try {
    return readPrivately(path, mode).replace(/^\uFEFF/u, '');
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw new NightloadError(
      'CONNECTIONS_FILE_UNREADABLE',
      `The connections file ${path} cannot be read (${codeOf(error)}). ` +
        "Correct NIGHTLOAD_CONNECTIONS, or let the worker's user read the file.",
      { cause: error },
    );
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's message repeats the text around the error, which may be a secret.
    const at = /at position (\d+)/.exec((error as Error).message)?.[1];
    const before = at === undefined ? [] : text.slice(0, Number(at)).split('\n');
    const place = before.length === 0 ? '' : ` from line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw invalid(path, [`It is not valid JSON${place}. Check for a missing or extra comma or quote.`]);
  }
}

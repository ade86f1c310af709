/** Facts of all connections by name, for those who must not hold their logins. */
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import type { Allow } from './allow-list.js';
import type { ConnectionSettings } from './connection-settings.js';

/** Each connection's share of its org's limits, as plain data by name. */
export function allocationsOf(connections: ReadonlyMap<string, ConnectionSettings>): Map<string, Allocation> {
  return new Map([...connections].map(([name, { allocation }]) => [name, allocation]));
}

/** Files and folders with secrets of these connections: loads may neither read nor write them. */
export function secretPathsOf(connections: ReadonlyMap<string, ConnectionSettings>): Set<string> {
  const paths = [...connections.values()].flatMap((settings) => {
    const { auth, origin, secretFiles = [] } = settings;
    return [
      ...secretFiles,
      ...(origin === undefined ? [] : [origin.file, `${origin.file}.tokens`]),
      ...(auth === 'jwt' && settings.keyFile !== undefined ? [settings.keyFile] : []),
      ...(auth === 'refreshToken' && settings.tokensFolder !== undefined ? [settings.tokensFolder] : []),
    ];
  });
  return new Set(paths);
}

/** Permitted uses of each connection, as plain data by name; unrestricted connections are left out. */
export function allowsOf(connections: ReadonlyMap<string, ConnectionSettings>): Map<string, Allow> {
  return new Map(
    [...connections].flatMap(([name, { allow }]) => (allow === undefined ? [] : [[name, allow] as const])),
  );
}

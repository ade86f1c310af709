/**
 * What a connection may be used for: its `allow`. Whoever may start workflows may load what it permits, and nothing else.
 */
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NightloadError } from '../errors.js';
import { realOrPlanned } from '../real-path.js';
import { plainText } from '../plain-text.js';

/** What is left out is not limited. */
export interface Allow {
  /** Of workers: the connection works on these queues only. */
  taskQueues?: readonly string[] | undefined;
  /** API names. */
  objects?: readonly string[] | undefined;
  operations?: readonly string[] | undefined;
  /** `file:///data/crm/` or `s3://bucket/crm/`: sources, and corrections, lie below one of them. */
  sourcePrefixes?: readonly string[] | undefined;
}

/** What somebody wants to do with a connection. */
export interface Wish {
  taskQueue?: string | undefined;
  object?: string | undefined;
  operation?: string | undefined;
  /** An insert with an external id is retried as an upsert. */
  externalIdFieldName?: string | undefined;
  source?: string | undefined;
  /** Its path, links resolved, where it was opened or will be: what its URI leads to may be another file by now. */
  sourcePath?: string | undefined;
}

/** @throws NightloadError `NOT_ALLOWED` */
export async function refuseUnlessAllowed(connection: string, allow: Allow | undefined, wish: Wish): Promise<void> {
  if (allow === undefined) return;
  refuseByName(connection, allow, wish);
  const { source, sourcePath } = wish;
  if (source === undefined || allow.sourcePrefixes === undefined) return;
  for (const prefix of allow.sourcePrefixes) if (await liesBelow(source, prefix, sourcePath)) return;
  throw notAllowed(connection, 'this source', 'sources', allow.sourcePrefixes);
}

/**
 * As {@link refuseUnlessAllowed}, for those that read no source.
 * @throws NightloadError `NOT_ALLOWED`
 */
export function refuseByName(connection: string, allow: Allow | undefined, wish: Omit<Wish, 'source'>): void {
  if (allow === undefined) return;
  const { taskQueue, object, operation, externalIdFieldName } = wish;
  if (taskQueue !== undefined && allow.taskQueues?.includes(taskQueue) === false) {
    throw notAllowed(connection, `the task queue ${shown(taskQueue)}`, 'task queues', allow.taskQueues);
  }
  // The platform takes names in either letter case.
  const isListed = (name: string, names: readonly string[]): boolean =>
    names.some((one) => one.toLowerCase() === name.toLowerCase());
  if (object !== undefined && allow.objects !== undefined && !isListed(object, allow.objects)) {
    throw notAllowed(connection, `the object ${shown(object)}`, 'objects', allow.objects);
  }
  const operations = allow.operations;
  if (operation === undefined || operations === undefined) return;
  if (!operations.includes(operation)) {
    throw notAllowed(connection, `the operation ${shown(operation)}`, 'operations', operations);
  }
  if (operation === 'insert' && externalIdFieldName !== undefined && !operations.includes('upsert')) {
    throw notAllowed(
      connection,
      'an insert with externalIdFieldName, which is retried as an upsert',
      'operations',
      operations,
    );
  }
}

function shown(name: string): string {
  return JSON.stringify(plainText(name, 80));
}

function notAllowed(connection: string, what: string, kind: string, allowed: readonly string[]): NightloadError {
  const list = allowed.map((name) => plainText(name, 200)).join(', ');
  return new NightloadError(
    'NOT_ALLOWED',
    `The connection ${shown(connection)} may not be used for ${what}. Allowed ${kind}: ${plainText(list, 600) || 'none'}. ` +
      'Whoever runs the worker can permit more: "allow" of the connection (docs/connections.md).',
  );
}

/** @returns what is wrong with it, in words that follow the name of the key */
export function prefixTrouble(prefix: string): string | undefined {
  const url = URL.canParse(prefix) ? new URL(prefix) : undefined;
  const isFile = url?.protocol === 'file:' && url.host === '' && url.search === '' && url.hash === '';
  const isS3 = url?.protocol === 's3:' && url.host !== '';
  if (!isFile && !isS3) return 'must hold URIs of folders: file:///data/crm/ or s3://bucket/crm/';
  return prefix.endsWith('/') ? undefined : 'must hold URIs of folders, which end with a slash: file:///data/crm/';
}

/** Both as they are after `..`, escapes and, on this machine, links. */
async function liesBelow(source: string, prefix: string, sourcePath?: string): Promise<boolean> {
  const [from, below] = [normal(source), normal(prefix)];
  if (from?.protocol !== below?.protocol || from === undefined || below === undefined) return false;
  if (from.protocol !== 'file:')
    return decoded(from).startsWith(decoded(below)) && !/(?:^|\/)\.\.?(?:\/|$)/.test(decoded(from));
  try {
    const folder = await realOrPlanned(fileURLToPath(below));
    const path = sourcePath ?? (await realOrPlanned(fileURLToPath(from)));
    return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  } catch {
    return false;
  }
}

function normal(uri: string): URL | undefined {
  return URL.canParse(uri) ? new URL(uri) : undefined;
}

function decoded({ host, pathname }: URL): string {
  try {
    return `${host}${decodeURIComponent(pathname)}`;
  } catch {
    return '\0';
  }
}

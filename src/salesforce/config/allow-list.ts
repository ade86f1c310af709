/**
 * Permitted uses of a connection: its `allow`. Anyone who may start workflows may load what it permits, and nothing
 * else.
 */
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NightloadError } from '../../errors.js';
import { realOrPlanned } from '../../runtime/real-path.js';
import { plainText } from '../../domain/text/plain-text.js';
import { shown } from '../../domain/text/shown.js';

/** An absent list does not restrict. */
export interface Allow {
  /** The workers' task queues on which the connection works. */
  taskQueues?: readonly string[] | undefined;
  /** API names. */
  objects?: readonly string[] | undefined;
  operations?: readonly string[] | undefined;
  /** `file:///data/crm/` or `s3://bucket/crm/`: sources and corrections must lie below one of them. */
  sourcePrefixes?: readonly string[] | undefined;
  /** These may also be folders: an output that a load names must be one of them, or lie below one. */
  outputPrefixes?: readonly string[] | undefined;
}

/** A requested use of a connection. */
export interface Wish {
  taskQueue?: string | undefined;
  object?: string | undefined;
  operation?: string | undefined;
  /** An insert with an external id is retried as an upsert. */
  externalIdFieldName?: string | undefined;
  source?: string | undefined;
  /** Its path with links resolved, where it was or will be opened: the URI may lead to another file by now. */
  sourcePath?: string | undefined;
  /** A folder that the load names for its results; the worker's default is not checked. */
  output?: string | undefined;
  /** The path of the results, like {@link sourcePath}. */
  outputPath?: string | undefined;
}

/** @throws NightloadError `NOT_ALLOWED` */
export async function refuseUnlessAllowed(connection: string, allow: Allow | undefined, wish: Wish): Promise<void> {
  if (allow === undefined) return;
  refuseByName(connection, allow, wish);
  const { source, sourcePath, output, outputPath } = wish;
  const { sourcePrefixes, outputPrefixes } = allow;
  if (source !== undefined && sourcePrefixes !== undefined && !(await liesBelow(source, sourcePrefixes, sourcePath))) {
    throw notAllowed(connection, 'this source', 'sources', sourcePrefixes);
  }
  // With a slash, the prefix's own folder may hold results.
  const folder = output === undefined || output.endsWith('/') ? output : `${output}/`;
  if (folder !== undefined && outputPrefixes !== undefined && !(await liesBelow(folder, outputPrefixes, outputPath))) {
    throw notAllowed(connection, 'this output', 'outputs', outputPrefixes);
  }
}

/**
 * Like {@link refuseUnlessAllowed}, for calls without files.
 * @throws NightloadError `NOT_ALLOWED`
 */
export function refuseByName(
  connection: string,
  allow: Allow | undefined,
  wish: Omit<Wish, 'source' | 'output'>,
): void {
  if (allow === undefined) return;
  const { taskQueue, object, operation, externalIdFieldName } = wish;
  if (taskQueue !== undefined && allow.taskQueues?.includes(taskQueue) === false) {
    throw notAllowed(connection, `the task queue ${shown(taskQueue)}`, 'task queues', allow.taskQueues);
  }
  // The platform ignores the case of names.
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

function notAllowed(connection: string, what: string, kind: string, allowed: readonly string[]): NightloadError {
  const list = allowed.map((name) => plainText(name, 200)).join(', ');
  return new NightloadError(
    'NOT_ALLOWED',
    `The connection ${shown(connection)} may not be used for ${what}. Allowed ${kind}: ${plainText(list, 600) || 'none'}. ` +
      'The operator of the worker can permit more: "allow" of the connection (docs/connections.md).',
  );
}

/** @returns the error, as text that follows the name of the key */
export function prefixTrouble(prefix: string): string | undefined {
  const url = URL.canParse(prefix) ? new URL(prefix) : undefined;
  const isFile = url?.protocol === 'file:' && url.host === '' && url.search === '' && url.hash === '';
  const isS3 = url?.protocol === 's3:' && url.host !== '';
  if (!isFile && !isS3) return 'must contain folder URIs: file:///data/crm/ or s3://bucket/crm/';
  return prefix.endsWith('/') ? undefined : 'must contain folder URIs, which end with a slash: file:///data/crm/';
}

async function liesBelow(uri: string, prefixes: readonly string[], path: string | undefined): Promise<boolean> {
  for (const prefix of prefixes) if (await liesBelowOne(uri, prefix, path)) return true;
  return false;
}

/**
 * Compares after `..`, escapes and, on this machine, links are resolved. A folder, whose URI ends with a slash, lies
 * below itself.
 */
async function liesBelowOne(uri: string, prefix: string, known: string | undefined): Promise<boolean> {
  const [from, below] = [normal(uri), normal(prefix)];
  if (from?.protocol !== below?.protocol || from === undefined || below === undefined) return false;
  if (from.protocol !== 'file:')
    return decoded(from).startsWith(decoded(below)) && !/(?:^|\/)\.\.?(?:\/|$)/.test(decoded(from));
  try {
    const folder = await realOrPlanned(fileURLToPath(below));
    const path = known ?? (await realOrPlanned(fileURLToPath(from)));
    return (from.pathname.endsWith('/') ? withSlash(path) : path).startsWith(withSlash(folder));
  } catch {
    return false;
  }
}

function withSlash(path: string): string {
  return path.endsWith(sep) ? path : path + sep;
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

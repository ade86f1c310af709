/**
 * The schema of a connections file: its keys, their allowed values, and the error texts for people. The published JSON
 * Schema is generated from it.
 */
import { z } from 'zod';
import { OPERATIONS } from '../../contract/names.js';
import { placeOf, valueAt } from '../../domain/text/key-place.js';
import { didYouMean } from '../../domain/text/nearest-name.js';
import { SHARE_PATTERN } from '../../domain/platform/allocation-settings.js';
import { ALIAS_PATTERN } from '../auth/sf-alias.js';

const WINDOW = '\\d+(?:\\.\\d+)? ?(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)';

/** What the key's value must be, as text that follows "must be". */
const WORDS: Record<string, string> = {
  connections: 'an object with at least one connection: its name, and an object',
  auth: 'token, clientCredentials, jwt, refreshToken or sfCli',
  instanceUrl: "the org's own address, such as https://acme.my.salesforce.com; plain http only for this machine",
  loginUrl: "the org's own address, such as https://acme.my.salesforce.com; plain http only for this machine",
  accessToken: 'the access token',
  clientId: 'the id (consumer key) of the app',
  clientSecret: 'the secret (consumer secret) of the app',
  refreshToken: 'the refresh token',
  username: 'the username',
  privateKey: 'the private key, PEM; usually a reference such as file:/run/secrets/jwt.pem',
  audience: 'https://login.salesforce.com or https://test.salesforce.com; needed only if the login asks for it',
  alias: 'an alias or username that the Salesforce CLI (sf) of this machine is logged in with',
  instanceUrlHosts:
    'a list of hosts that the login server or the Salesforce CLI may return as the org address, such as sf.acme.example or *.acme.example; needed only if they are not Salesforce hosts',
  allow: 'an object: what the connection may be used for; what it omits is not limited',
  taskQueues: 'a list of worker task queues',
  objects: 'a list of object API names, such as Account',
  operations: 'a list of insert, update, upsert, delete and hardDelete',
  sourcePrefixes: 'a list of folder URIs, each ending with a slash, such as file:///data/crm/',
  outputPrefixes:
    'a list of folder URIs, each ending with a slash, that loads may use for their results, such as file:///data/results/',
  apiVersion: 'a version such as v66.0',
  allocation: "an object: how much of the org's rolling limits nightload may use",
  recordsPerWindow: 'a whole number of records, at least 1',
  batchesPerWindow: 'a whole number of batches, at least 1',
  window: 'a duration such as 24h',
  reserve: 'a share such as "20%", or a whole number of records: reserved for loads of priority 1 and 2',
  maxJobs: 'a whole number of ingest jobs at a time, at least 1',
};

/** A text that matches the pattern, or a reference to one. */
function text(key: string, pattern?: string): z.ZodString {
  const form =
    pattern === undefined ? z.string().min(1) : z.string().regex(new RegExp(`^(?:${pattern}|(?:env|file):.+)$`, 'u'));
  return form.describe(words(key));
}

function words(key: string): string {
  const told = WORDS[key] ?? 'something else';
  return `${told.charAt(0).toUpperCase()}${told.slice(1)}.`;
}

function whole(key: string): z.ZodInt {
  return z.int().min(1).describe(words(key));
}

// Whether plain http stays on this machine is checked when the address is read.
const URL_PATTERN = 'https?://.+';

const ALLOCATION = {
  recordsPerWindow: whole('recordsPerWindow').optional(),
  batchesPerWindow: whole('batchesPerWindow').optional(),
  window: text('window', WINDOW).optional(),
  reserve: z
    .union([z.string().regex(new RegExp(`${SHARE_PATTERN}|^(?:env|file):.+$`, 'u')), z.int().min(0)])
    .describe(words('reserve'))
    .optional(),
  maxJobs: whole('maxJobs').optional(),
};

function list(key: string, entry: z.ZodType<string>): z.ZodArray<z.ZodType<string>> {
  return z.array(entry).min(1).max(1_000).describe(words(key));
}

const NAME_IN_LIST = z.string().min(1).max(255);

const FOLDER = z.string().regex(/^(?:file:\/\/|s3:\/\/).+\/$/);

const ALLOW = {
  taskQueues: list('taskQueues', NAME_IN_LIST).optional(),
  objects: list('objects', z.string().regex(/^[A-Za-z]\w{0,79}$/)).optional(),
  operations: list('operations', z.enum(OPERATIONS)).optional(),
  sourcePrefixes: list('sourcePrefixes', FOLDER).optional(),
  outputPrefixes: list('outputPrefixes', FOLDER).optional(),
};

const COMMON = {
  allow: z.strictObject(ALLOW).describe(words('allow')).optional(),
  apiVersion: text('apiVersion', 'v?\\d{1,3}(?:\\.0)?').optional(),
  allocation: z.strictObject(ALLOCATION).describe(words('allocation')).optional(),
};
const HOST = z.string().regex(/^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$/);
const INSTANCE_HOSTS = { instanceUrlHosts: list('instanceUrlHosts', HOST).optional() };
const LOGIN = {
  loginUrl: text('loginUrl', URL_PATTERN),
  clientId: text('clientId'),
  ...INSTANCE_HOSTS,
};

const FORMS = {
  token: { instanceUrl: text('instanceUrl', URL_PATTERN), accessToken: text('accessToken') },
  clientCredentials: { ...LOGIN, clientSecret: text('clientSecret') },
  jwt: { ...LOGIN, username: text('username'), privateKey: text('privateKey'), audience: text('audience').optional() },
  refreshToken: { ...LOGIN, refreshToken: text('refreshToken'), clientSecret: text('clientSecret').optional() },
  sfCli: { alias: text('alias', ALIAS_PATTERN), ...INSTANCE_HOSTS },
};

const CONNECTION = z.discriminatedUnion('auth', [
  z.strictObject({ auth: z.literal('token'), ...FORMS.token, ...COMMON }),
  z.strictObject({ auth: z.literal('clientCredentials'), ...FORMS.clientCredentials, ...COMMON }),
  z.strictObject({ auth: z.literal('jwt'), ...FORMS.jwt, ...COMMON }),
  z.strictObject({ auth: z.literal('refreshToken'), ...FORMS.refreshToken, ...COMMON }),
  z.strictObject({ auth: z.literal('sfCli'), ...FORMS.sfCli, ...COMMON }),
]);

/** Names are used in commands, search attributes and logs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const FILE = z.strictObject({
  $schema: z.string().describe('The URL of this schema, for editors.').optional(),
  connections: z
    .record(z.string().regex(NAME), CONNECTION)
    .refine((connections) => Object.keys(connections).length > 0)
    .describe('The connections by name; loads that specify none use "default".'),
});

/** A connection in the file, with references unresolved. */
export type ConnectionEntry = z.infer<typeof CONNECTION>;

/** Allowed keys of each object by its location: the file, a connection of a form, an allocation. */
function keysAt(path: readonly PropertyKey[], auth: unknown): string[] {
  if (path.length === 0) return Object.keys(FILE.shape);
  if (path.at(-1) === 'allocation') return Object.keys(ALLOCATION);
  if (path.at(-1) === 'allow') return Object.keys(ALLOW);
  const form = FORMS[auth as keyof typeof FORMS] ?? {};
  return ['auth', ...Object.keys(form), ...Object.keys(COMMON)];
}

/** One sentence per error; values are never repeated, since any of them may be a secret. */
function explain(issue: z.core.$ZodIssue, content: unknown): string[] {
  const { path } = issue;
  const place = path.length === 0 ? 'The file' : placeOf(path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path, valueAt(content, [...path, 'auth']));
    return issue.keys.map(
      (key) =>
        `${placeOf([...path, key])} is not a known key.${didYouMean(key, known)} Known keys: ${known.join(', ')}.`,
    );
  }
  if (issue.code === 'invalid_key') {
    return [
      `${place} is not a valid connection name: use 1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit.`,
    ];
  }
  if (path.length === 0) return ['The file must contain an object with the key "connections".'];
  // An error in a list entry names the list.
  const key = String(path.findLast((step) => typeof step !== 'number'));
  const isConnection = path.length === 2 && path[0] === 'connections';
  const wanted = isConnection ? 'an object with auth and the fields of this login method' : WORDS[key];
  const value = valueAt(content, path);
  const meant = key === 'auth' && typeof value === 'string' ? didYouMean(value, Object.keys(FORMS)) : '';
  return [`${place} ${value === undefined ? 'is missing: it' : ''} must be ${wanted}.${meant}`.replace('  ', ' ')];
}

/** The content of the file, or its errors. */
export function parseConnections(
  content: unknown,
): { connections: Record<string, ConnectionEntry> } | { troubles: string[] } {
  const parsed = FILE.safeParse(content);
  if (parsed.success) return { connections: parsed.data.connections };
  return { troubles: parsed.error.issues.flatMap((issue) => explain(issue, content)) };
}

/** The schema as JSON Schema, for editors and for checks before a deployment. */
export function connectionsJsonSchema(): object {
  const schema = z.toJSONSchema(FILE, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      if (jsonSchema.propertyNames !== undefined) jsonSchema.minProperties = 1;
      // zod adds it to every integer, but no real value reaches it.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { ...schema, title: 'Connections of a nightload worker (NIGHTLOAD_CONNECTIONS)' };
}

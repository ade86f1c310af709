/**
 * The schema of a notify file: its keys, their allowed values, and the error texts for people. The published JSON
 * Schema is generated from it.
 */
import { z } from 'zod';
import { NOTIFY_EVENTS } from '../contract/notification.js';
import { didYouMean } from '../domain/text/nearest-name.js';
import { placeOf, valueAt } from '../domain/text/key-place.js';

const TYPES = ['webhook', 'slack', 'teams', 'email', 'exec'] as const;

/** What the key's value must be, as text that follows "must be". */
const WORDS: Record<string, string> = {
  targets: 'an object with at most 50 targets: a name, and an object with type and its fields',
  rules: 'a list of at most 100 rules',
  heartbeats:
    'an object with at most 50 heartbeats: a name, and the address of a monitoring service, usually a reference',
  type: `one of ${TYPES.join(', ')}`,
  url: 'an https address; plain http only for this machine; usually a reference',
  secret: 'the key of the signature; usually a reference such as env:OPS_KEY',
  smtp: 'the mail server, smtp://user:password@host:587 or smtps://host:465; usually a reference',
  from: 'an e-mail address',
  to: 'in a target, a list of at most 50 e-mail addresses; in a rule, of at most 50 names of targets',
  command: 'a list: a program, an absolute path or a name on PATH, then at most 49 arguments',
  when: `a list of ${NOTIFY_EVENTS.join(', ')}`,
  objects: 'a list of object API names, such as Account',
  connections: 'a list of connection names',
  schedules: 'a list of schedule ids',
  ids: 'a list of load ids; * stands for any text, ? for one character',
  rejectedAtLeast: 'a whole number: only loads with this many rows rejected or not processed',
  waitingLonger: 'a duration of 1s to 30d: only waits that last longer (default: 10m)',
};

function words(key: string): string {
  const told = WORDS[key] ?? 'something else';
  return `${told.charAt(0).toUpperCase()}${told.slice(1)}.`;
}

const MAX_VALUE = 2_000;
const MAX_LIST = 100;

function text(key: string): z.ZodString {
  return z.string().min(1).max(MAX_VALUE).describe(words(key));
}

function list(key: string, most: number): z.ZodArray<z.ZodString> {
  return z.array(z.string().min(1).max(MAX_VALUE)).min(1).max(most).describe(words(key));
}

/** The file's own `to` of a target and of a rule. */
const MAX_RECEIVERS = 50;

const FORMS = {
  webhook: { url: text('url'), secret: text('secret') },
  slack: { url: text('url') },
  teams: { url: text('url') },
  email: { smtp: text('smtp'), from: text('from'), to: list('to', MAX_RECEIVERS) },
  exec: { command: list('command', 50) },
};

const TARGET = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('webhook'), ...FORMS.webhook }),
  z.strictObject({ type: z.literal('slack'), ...FORMS.slack }),
  z.strictObject({ type: z.literal('teams'), ...FORMS.teams }),
  z.strictObject({ type: z.literal('email'), ...FORMS.email }),
  z.strictObject({ type: z.literal('exec'), ...FORMS.exec }),
]);

const RULE = z.strictObject({
  when: z.array(z.enum(NOTIFY_EVENTS)).min(1).max(NOTIFY_EVENTS.length).describe(words('when')),
  to: list('to', MAX_RECEIVERS),
  objects: list('objects', MAX_LIST).optional(),
  connections: list('connections', MAX_LIST).optional(),
  schedules: list('schedules', MAX_LIST).optional(),
  ids: list('ids', MAX_LIST).optional(),
  rejectedAtLeast: z.int().min(1).describe(words('rejectedAtLeast')).optional(),
  waitingLonger: text('waitingLonger').optional(),
});

/** Names are used in commands, metrics and logs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const MAX_TARGETS = 50;

const FILE = z.strictObject({
  $schema: z.string().max(MAX_VALUE).describe('The URL of this schema, for editors.').optional(),
  targets: z
    .record(z.string().regex(NAME), TARGET)
    .refine((targets) => Object.keys(targets).length <= MAX_TARGETS)
    .describe('Where messages may go, by name.'),
  rules: z.array(RULE).max(MAX_LIST).describe('Which messages go where. A message may match several.'),
  heartbeats: z
    .record(z.string().regex(NAME), z.string().min(1).max(MAX_VALUE))
    .refine((heartbeats) => Object.keys(heartbeats).length <= MAX_TARGETS)
    .describe('Addresses of monitoring services that loads may ping (heartbeatUrl), by name; usually references.')
    .optional(),
});

export type TargetEntry = z.infer<typeof TARGET>;
export type RuleEntry = z.infer<typeof RULE>;
type FileContent = z.infer<typeof FILE>;

function keysAt(path: readonly PropertyKey[], type: unknown): string[] {
  if (path.length === 0) return Object.keys(FILE.shape);
  if (path[0] === 'rules') return Object.keys(RULE.shape);
  return ['type', ...Object.keys(FORMS[type as keyof typeof FORMS] ?? {})];
}

/** One sentence per error; values are never repeated, since any of them may be a secret. */
function explain(issue: z.core.$ZodIssue, content: unknown): string[] {
  const { path } = issue;
  const place = path.length === 0 ? 'The file' : placeOf(path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path, valueAt(content, [...path, 'type']));
    return issue.keys.map(
      (key) =>
        `${placeOf([...path, key])} is not a known key.${didYouMean(key, known)} Known keys: ${known.join(', ')}.`,
    );
  }
  if (issue.code === 'invalid_key') {
    return [`${place} is not a valid name: use 1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit.`];
  }
  if (path.length === 0) return ['The file must contain an object with the keys "targets" and "rules".'];
  const named = path.findLast((step) => typeof step !== 'number');
  const wanted = path[0] === 'targets' && path.length === 2 ? 'an object with type and its fields' : undefined;
  const rule = path[0] === 'rules' && path.length === 2 ? 'an object with when and to' : undefined;
  const value = valueAt(content, path);
  const meant = typeof value === 'string' ? didYouMean(value, knownAt(named)) : '';
  const heartbeat = path[0] === 'heartbeats' && path.length === 2 ? WORDS['url'] : undefined;
  const event = named === 'when' && path.at(-1) !== 'when' ? `one of ${NOTIFY_EVENTS.join(', ')}` : undefined;
  const form = wanted ?? rule ?? heartbeat ?? event ?? WORDS[String(named)];
  return [`${place} ${value === undefined ? 'is missing: it ' : ''}must be ${form}.${meant}`];
}

/** Fixed values of a key, to suggest one. */
function knownAt(key: PropertyKey | undefined): readonly string[] {
  if (key === 'type') return TYPES;
  return key === 'when' ? NOTIFY_EVENTS : [];
}

/** The content of the file, or its errors. */
export function parseNotifyFile(content: unknown): FileContent | { troubles: string[] } {
  const parsed = FILE.safeParse(content);
  if (parsed.success) return parsed.data;
  return { troubles: parsed.error.issues.slice(0, MAX_LIST).flatMap((issue) => explain(issue, content)) };
}

/** The schema as JSON Schema, for editors and for checks before a deployment. */
export function notifyJsonSchema(): object {
  const schema = z.toJSONSchema(FILE, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      if (jsonSchema.propertyNames !== undefined) jsonSchema.maxProperties = MAX_TARGETS;
      // zod adds it to every integer, but no real value reaches it.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { ...schema, title: 'Targets and rules of messages (NIGHTLOAD_NOTIFY)' };
}

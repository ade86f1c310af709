/** Columns that identify a parent by a key, such as `Owner.Email` and `Lead:Who.Email`, instead of by its id. */
import type { FieldDescribe, ObjectDescribe } from '../../salesforce/resources/describe.js';
import { listed, quoted } from './findings.js';
import type { Problems } from './findings.js';
import { candidatesOf } from '../../domain/text/nearest-name.js';
import type { Hints } from '../../domain/text/nearest-name.js';
import { defined } from '../../domain/defined.js';

/** Describe of another object; `undefined` when the user may not see it. */
export type DescribeOf = (object: string) => Promise<ObjectDescribe | undefined>;

export interface RelationshipName {
  type?: string;
  relationship: string;
  /** The names after the relationship; exactly one if the column is valid. */
  path: string[];
}

export interface RelationshipColumn extends Problems {
  /** The name to send, in exact letter case if known. */
  name: string;
  /** The lookup that the column fills. */
  lookup?: FieldDescribe;
  /** The target object, if the lookup has several. */
  type?: string;
}

/** With more targets (`What` has dozens), none is described. */
const MAX_ASKED = 5;

export function parseRelationship(name: string): RelationshipName | undefined {
  const [, type, relationship, path] = /^(?:(\w+):)?(\w+)((?:\.\w+)+)$/.exec(name) ?? [];
  if (relationship === undefined || path === undefined) return undefined;
  return { relationship, path: path.slice(1).split('.'), ...defined({ type }) };
}

/** Ignores letter case. */
export function findRelationship(describe: ObjectDescribe, relationship: string): FieldDescribe | undefined {
  return indexOf(describe).byRelationship.get(relationship.toLowerCase());
}

/** Fields by name and by relationship, in lower case; the first one wins. */
interface FieldIndex {
  byName: ReadonlyMap<string, FieldDescribe>;
  byRelationship: ReadonlyMap<string, FieldDescribe>;
}

/** Built once per describe: a header may need it thousands of times. */
const indexes = new WeakMap<ObjectDescribe, FieldIndex>();

function indexOf(describe: ObjectDescribe): FieldIndex {
  const known = indexes.get(describe);
  if (known !== undefined) return known;
  const byName = new Map<string, FieldDescribe>();
  const byRelationship = new Map<string, FieldDescribe>();
  for (const field of [...describe.fields].reverse()) {
    byName.set(field.name.toLowerCase(), field);
    if (field.relationshipName !== undefined) byRelationship.set(field.relationshipName.toLowerCase(), field);
  }
  const index = { byName, byRelationship };
  indexes.set(describe, index);
  return index;
}

/** Whether other objects can find records by this field. */
export function isLookupKey(field: FieldDescribe): boolean {
  return field.externalId || field.idLookup;
}

export async function checkRelationship(
  given: string,
  { type, relationship, path }: RelationshipName,
  { describe, describeOf, hints }: { describe: ObjectDescribe; describeOf: DescribeOf; hints: Hints },
): Promise<RelationshipColumn> {
  const column: RelationshipColumn = { name: given, errors: [], warnings: [] };
  const fail = (code: string, text: string): RelationshipColumn => {
    column.errors.push({ code, text });
    return column;
  };
  const [key = '', ...more] = path;
  const lookup = findRelationship(describe, relationship);
  if (lookup === undefined && more.length === 0) {
    return fail('HEADER_RELATIONSHIP_UNKNOWN', unknownRelationship(describe, { type, relationship, key }, hints));
  }
  if (lookup !== undefined) column.lookup = lookup;
  if (lookup === undefined || more.length > 0) {
    const instead = lookup === undefined ? 'the id of the parent' : `its id in ${quoted(lookup.name)}`;
    return fail(
      'HEADER_RELATIONSHIP_LEVELS',
      `only one level can be followed: a relationship and a field of the parent; send ${instead} or a key of the parent itself.`,
    );
  }

  const exact = lookup.relationshipName as string;
  const targets = lookup.referenceTo;
  if (targets.length > 1 && type === undefined) {
    const fitting = await targetsWith(targets, key, describeOf);
    const names = (fitting.length > 0 ? fitting : targets).map((target) => `${target}:${exact}.${key}`);
    return fail(
      'HEADER_RELATIONSHIP_TYPE_NEEDED',
      `${quoted(lookup.name)} can point to several objects, so the name must begin with one: write ${listed(names, 3)}.`,
    );
  }
  const target = targets.length > 1 ? targets.find((one) => one.toLowerCase() === type?.toLowerCase()) : targets[0];
  if (targets.length > 1 && target === undefined) {
    return fail(
      'HEADER_RELATIONSHIP_TYPE_UNKNOWN',
      `${quoted(lookup.name)} cannot point to ${quoted(type ?? '')}; it can point to ${listed(targets)}.`,
    );
  }
  if (targets.length === 1 && type !== undefined) {
    fail(
      'HEADER_RELATIONSHIP_TYPE_NOT_NEEDED',
      `${quoted(lookup.name)} can point only to ${quoted(targets[0] as string)}, so the name must not include the object: write ${quoted(`${exact}.${key}`)}.`,
    );
  }
  if (targets.length > 1 && target !== undefined) column.type = target;

  const prefix = column.type === undefined ? '' : `${column.type}:`;
  column.name = `${prefix}${exact}.${key}`;
  const parent = target === undefined ? undefined : await describeOf(target);
  if (parent === undefined) {
    const text = `whether ${quoted(key)} finds a parent could not be checked, because the user may not see ${target === undefined ? `what ${quoted(lookup.name)} points to` : quoted(target)}.`;
    column.warnings.push({ code: 'HEADER_RELATIONSHIP_UNCHECKED', text });
    return column;
  }
  const field = fieldOf(parent, key);
  if (field === undefined || !isLookupKey(field)) {
    return fail('HEADER_RELATIONSHIP_FIELD', unusableKey(parent, field, { key, before: `${prefix}${exact}` }, hints));
  }
  column.name = `${prefix}${exact}.${field.name}`;
  return column;
}

function fieldOf(describe: ObjectDescribe, name: string): FieldDescribe | undefined {
  return indexOf(describe).byName.get(name.toLowerCase());
}

/** Target objects whose records `key` identifies; none if there are too many targets. */
async function targetsWith(targets: readonly string[], key: string, describeOf: DescribeOf): Promise<string[]> {
  if (targets.length > MAX_ASKED) return [];
  const describes = await Promise.all(targets.map(describeOf));
  return targets.filter((_, i) => {
    const describe = describes[i];
    const field = describe && fieldOf(describe, key);
    return field !== undefined && isLookupKey(field);
  });
}

function unknownRelationship(
  describe: ObjectDescribe,
  { type, relationship, key }: { type: string | undefined; relationship: string; key: string },
  hints: Hints,
): string {
  const turned = type === undefined ? undefined : findRelationship(describe, type);
  if (turned !== undefined) {
    const written = `${relationship}:${turned.relationshipName}.${key}`;
    return `${quoted(relationship)} is not a relationship of ${quoted(describe.name)}, but ${quoted(turned.relationshipName as string)} is; did you mean ${quoted(written)}?`;
  }
  const before = type === undefined ? '' : `${type}:`;
  // `Account__c.Key__c` and `AccountId.Key__c`: the lookup field instead of its relationship.
  const itself = fieldOf(describe, relationship)?.relationshipName;
  const relationships = (): { name: string; label: string }[] =>
    describe.fields.flatMap(({ relationshipName, label }) =>
      relationshipName === undefined ? [] : [{ name: relationshipName, label }],
    );
  const near = itself ?? hints.nearest(relationship, () => candidatesOf(relationships()));
  const unknown = `${quoted(describe.name)} has no relationship ${quoted(relationship)}`;
  return near === undefined
    ? `${unknown}, or the user may not see its lookup (field-level security).`
    : `${unknown}; did you mean ${quoted(`${before}${near}.${key}`)}?`;
}

function unusableKey(
  parent: ObjectDescribe,
  field: FieldDescribe | undefined,
  { key, before }: { key: string; before: string },
  hints: Hints,
): string {
  const usable = parent.fields.filter(isLookupKey);
  const near = field === undefined ? hints.nearest(key, () => candidatesOf(usable)) : undefined;
  if (near !== undefined) {
    return `${quoted(parent.name)} has no field ${quoted(key)}; did you mean ${quoted(`${before}.${near}`)}?`;
  }
  const wrong =
    field === undefined
      ? `${quoted(parent.name)} has no field ${quoted(key)}, or the user may not see it`
      : `${quoted(field.name)} of ${quoted(parent.name)} is not an external id, so parents cannot be found by it`;
  return `${wrong}; parents can be found by ${listed(usable.map(({ name }) => name))}.`;
}

/** Resolves a column of a file, or a constant, to a field: by API name, by relationship, or by the field's label. */
import type { FieldDescribe, ObjectDescribe } from '../../salesforce/resources/describe.js';
import { about, leaveOut, listed, quoted, rename, sentence } from './findings.js';
import type { Finding, Source } from './findings.js';
import { checkRelationship, findRelationship, parseRelationship } from './relationships.js';
import type { DescribeOf, RelationshipName } from './relationships.js';
import { candidatesOf } from '../../domain/text/nearest-name.js';
import type { Candidate, Hints } from '../../domain/text/nearest-name.js';
import { defined } from '../../domain/defined.js';

/** Fields by the names that a header may use, in any letter case. */
export interface FieldNames {
  describe: ObjectDescribe;
  byName: ReadonlyMap<string, FieldDescribe>;
  byLabel: ReadonlyMap<string, FieldDescribe[]>;
  /** Suggestions for an unknown column, the most likely first; without fields that another column names. */
  candidates: readonly Candidate[];
}

export interface ResolvedColumn {
  source: Source;
  /** The name to send, in exact letter case. */
  name: string;
  /** The field that it fills; undefined if unknown. */
  field?: FieldDescribe;
  /** Identifies a parent by a key, not by its id. */
  isRelationship: boolean;
  /** The object named before a relationship with several targets. */
  type?: string;
  errors: Finding[];
  warnings: Finding[];
}

export interface ResolveOptions {
  names: FieldNames;
  describeOf: DescribeOf;
  mapLabels: boolean;
  /** Columns that get suggestions: more would not be read, and each costs a search. */
  hints: Hints;
}

/**
 * @param isLikely fields to prefer among equally similar ones
 * @param header titles of the columns
 */
export function fieldNames(
  describe: ObjectDescribe,
  isLikely: (field: FieldDescribe) => boolean,
  header: readonly string[],
): FieldNames {
  const { fields } = describe;
  const byLabel = new Map<string, FieldDescribe[]>();
  for (const field of fields) {
    const label = field.label.trim().toLowerCase();
    const same = byLabel.get(label);
    if (same === undefined) byLabel.set(label, [field]);
    else same.push(field);
  }
  const taken = new Set(header.map((name) => name.toLowerCase()));
  const free = fields.filter(({ name }) => !taken.has(name.toLowerCase()));
  return {
    describe,
    byName: new Map(fields.map((field) => [field.name.toLowerCase(), field])),
    byLabel,
    candidates: candidatesOf([...free.filter(isLikely), ...free.filter((field) => !isLikely(field))]),
  };
}

/** Fields with this label; if there are several, the one with exactly this spelling. */
export function labelled({ byLabel }: FieldNames, label: string): FieldDescribe[] {
  const fields = byLabel.get(label.trim().toLowerCase()) ?? [];
  const exact = fields.filter((field) => field.label === label);
  return fields.length > 1 && exact.length === 1 ? exact : fields;
}

/** An API name wins over a label: `Email` is the field `Email`, even if another field has that label. */
export async function resolveColumn(source: Source, options: ResolveOptions): Promise<ResolvedColumn> {
  const { names, describeOf } = options;
  const { describe } = names;
  const plain = names.byName.get(source.name.toLowerCase());
  if (plain !== undefined) return resolved(source, plain);
  const relationship = relationshipOf(source, describe);
  const labels = labelled(names, source.name);
  const known = relationship !== undefined && findRelationship(describe, relationship.relationship) !== undefined;
  if (labels.length > 0 && !known) return byLabel(source, labels, options.mapLabels);
  if (relationship === undefined) return unknown(source, names, options.hints);
  const isHidden = source.column?.isHidden === true && source.name === source.column.title;
  // The error text would include its parts.
  if (isHidden && !known) return unknown(source, names, options.hints);
  const { name, lookup, type, errors, warnings } = await checkRelationship(source.name, relationship, {
    describe,
    describeOf,
    hints: options.hints,
  });
  return {
    source,
    name,
    isRelationship: true,
    ...defined({ field: lookup, type }),
    errors: errors.map((problem) => about(source, problem)),
    warnings: warnings.map((problem) => about(source, problem)),
  };
}

/** A Data Loader mapping always names the object; for a lookup with one target, it is sent without it. */
function relationshipOf(source: Source, describe: ObjectDescribe): RelationshipName | undefined {
  const parsed = parseRelationship(source.name);
  const isMapped = source.column !== undefined && source.column.title !== source.name;
  if (parsed?.type === undefined || !isMapped) return parsed;
  const { type, relationship, path } = parsed;
  const [only, ...others] = findRelationship(describe, relationship)?.referenceTo ?? [];
  const isNeedless = others.length === 0 && only?.toLowerCase() === type.toLowerCase();
  return isNeedless ? { relationship, path } : parsed;
}

/** The exact name without findings, for columns that are only shown again and never sent. */
export function shownName(source: Source, names: FieldNames, mapLabels: boolean): string {
  const labels = mapLabels ? labelled(names, source.name) : [];
  const field = names.byName.get(source.name.toLowerCase()) ?? (labels.length === 1 ? labels[0] : undefined);
  return field?.name ?? source.name;
}

function resolved(source: Source, field: FieldDescribe, errors: Finding[] = []): ResolvedColumn {
  return { source, name: field.name, field, isRelationship: false, errors, warnings: [] };
}

function unresolved(source: Source, code: string, text: string): ResolvedColumn {
  return { source, name: source.name, isRelationship: false, errors: [about(source, { code, text })], warnings: [] };
}

function byLabel(source: Source, fields: readonly FieldDescribe[], mapLabels: boolean): ResolvedColumn {
  const [field, ...more] = fields as [FieldDescribe, ...FieldDescribe[]];
  if (more.length > 0) {
    const text = `this is the label of several fields: ${listed(fields.map(({ name }) => name))}. Specify one: ${rename(source, field.name)}, for example.`;
    return unresolved(source, 'HEADER_AMBIGUOUS_LABEL', text);
  }
  // The caller who sets a constant must name the field.
  if (mapLabels && source.column !== undefined) return resolved(source, field);
  const labels = source.column === undefined ? '' : ' or --map-labels';
  const text = `this is the label of \`${field.name}\`; ${rename(source, field.name)}${labels}.`;
  // Resolved all the same, so that the field is not reported as missing.
  return resolved(source, field, [about(source, { code: 'HEADER_LABEL_COLUMN', text })]);
}

function unknown(source: Source, { describe, candidates }: FieldNames, hints: Hints): ResolvedColumn {
  if (source.name.trim() === '') {
    return unresolved(
      source,
      'HEADER_UNKNOWN_COLUMN',
      'it has no title. Name it with the API name of a field, or remove it from the file.',
    );
  }
  const near = hints.nearest(source.name, () => candidates);
  const none = `${quoted(describe.name)} has no such field`;
  const text =
    near === undefined
      ? `${none}, or the user may not see it (field-level security). Use the API name of a field, or ${leaveOut(source)}.`
      : `${none}; did you mean \`${near}\`? ${sentence(`then ${rename(source, near)}; otherwise ${leaveOut(source)}`)}`;
  return unresolved(source, 'HEADER_UNKNOWN_COLUMN', text);
}

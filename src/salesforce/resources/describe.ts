/** Properties of an object and its fields that a load needs to know in advance. */
import { API_NAME } from '../../domain/name-and-number-limits.js';
import { asArray, asNumber, asObject, asText } from './json.js';
import { defined } from '../../domain/defined.js';
import type { JsonObject } from './json.js';

interface PicklistValue {
  value: string;
  active: boolean;
}

/**
 * A missing flag never causes a refusal: missing flags for write access and blanks count as allowed, all others as
 * false; missing lengths as 0, which means no limit.
 */
export interface FieldDescribe {
  name: string;
  label: string;
  /** `string`, `double`, `reference`, `picklist`, … */
  type: string;
  /** Characters, for text. */
  length: number;
  /** Total digits and digits after the point, for numbers that are not integers. */
  precision: number;
  scale: number;
  /** Maximum digits of an integer. */
  digits: number;
  createable: boolean;
  updateable: boolean;
  nillable: boolean;
  defaultedOnCreate: boolean;
  calculated: boolean;
  autoNumber: boolean;
  externalId: boolean;
  idLookup: boolean;
  unique: boolean;
  caseSensitive: boolean;
  restrictedPicklist: boolean;
  picklistValues: PicklistValue[];
  /** The name to use in a header such as `Owner.Email`; lookups only. */
  relationshipName?: string;
  /** Objects that a lookup may point to; more than one makes it polymorphic. */
  referenceTo: string[];
  /** The compound field (an address, a name) that contains this one. */
  compoundFieldName?: string;
}

/** Fields that the user may not see are missing. */
export interface ObjectDescribe {
  name: string;
  label: string;
  createable: boolean;
  updateable: boolean;
  deletable: boolean;
  /** First three characters of the object's ids. */
  keyPrefix?: string;
  fields: FieldDescribe[];
}

/** Names appear in messages, so only API names are accepted. */
function asName(value: unknown): string | undefined {
  const name = asText(value);
  return name !== undefined && API_NAME.test(name) ? name : undefined;
}

function parsePicklist(value: unknown): PicklistValue[] {
  return asArray(value).flatMap((entry) => {
    const item = asObject(entry);
    const text = asText(item?.['value']);
    return text === undefined ? [] : [{ value: text, active: item?.['active'] === true }];
  });
}

function parseField(field: JsonObject, name: string): FieldDescribe {
  const flag = (key: string): boolean => field[key] === true;
  const unlessSaid = (key: string): boolean => field[key] !== false;
  const size = (key: string): number => asNumber(field[key]) ?? 0;
  return {
    name,
    label: asText(field['label']) ?? name,
    type: asText(field['type']) ?? 'string',
    length: size('length'),
    precision: size('precision'),
    scale: size('scale'),
    digits: size('digits'),
    createable: unlessSaid('createable'),
    updateable: unlessSaid('updateable'),
    nillable: unlessSaid('nillable'),
    defaultedOnCreate: flag('defaultedOnCreate'),
    calculated: flag('calculated'),
    autoNumber: flag('autoNumber'),
    externalId: flag('externalId'),
    idLookup: flag('idLookup') || (field['idLookup'] === undefined && field['externalId'] === undefined),
    unique: flag('unique'),
    caseSensitive: flag('caseSensitive'),
    restrictedPicklist: flag('restrictedPicklist'),
    picklistValues: parsePicklist(field['picklistValues']),
    referenceTo: asArray(field['referenceTo']).flatMap((target) => asName(target) ?? []),
    ...defined({
      relationshipName: asName(field['relationshipName']),
      compoundFieldName: asName(field['compoundFieldName']),
    }),
  };
}

/** The platform allows 900 and a few standard ones; each is compared with each column. */
const MAX_FIELDS = 5_000;

/** `undefined` if it is not a describe: every object has a name and a possible number of fields. */
export function parseDescribe(value: unknown): ObjectDescribe | undefined {
  const object = asObject(value);
  const name = asName(object?.['name']);
  if (object === undefined || name === undefined || !Array.isArray(object['fields'])) return undefined;
  if (object['fields'].length > MAX_FIELDS) return undefined;
  return {
    name,
    label: asText(object['label']) ?? name,
    createable: object['createable'] !== false,
    updateable: object['updateable'] !== false,
    deletable: object['deletable'] !== false,
    fields: withId(
      asArray(object['fields']).flatMap((entry) => {
        const field = asObject(entry);
        const fieldName = asName(field?.['name']);
        return field === undefined || fieldName === undefined ? [] : [parseField(field, fieldName)];
      }),
    ),
    ...defined({ keyPrefix: asText(object['keyPrefix']) }),
  };
}

/** Every object has an id, whether a reply lists it or not. */
function withId(fields: FieldDescribe[]): FieldDescribe[] {
  if (fields.some(({ name }) => name === 'Id')) return fields;
  const id = { label: 'Record ID', type: 'id', length: 18, createable: false, updateable: false, idLookup: true };
  return [parseField(id, 'Id'), ...fields];
}

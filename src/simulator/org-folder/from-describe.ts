/** Makes an object of the org from a describe reply. */
import { field as plainField } from '../org/fields.js';
import type { Field, SObject } from '../org/fields.js';

type Given = Record<string, unknown>;

/** Precision of a number whose describe does not say it. */
const MAX_PRECISION = 18;
const MAX_INT_DIGITS = 10;
const NUMBERS = ['double', 'currency', 'percent'];

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const listOf = <T>(value: unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);

/** @param describe checked before */
export function fromDescribe(describe: Given): SObject {
  const { fields, ...properties } = describe;
  const name = String(describe['name']);
  const label = textOf(describe['label']) ?? name;
  return {
    name,
    label,
    labelPlural: textOf(describe['labelPlural']) ?? `${label}s`,
    keyPrefix: textOf(describe['keyPrefix']) ?? '',
    createable: describe['createable'] !== false,
    deletable: describe['deletable'] !== false,
    fields: withId(listOf<Given>(fields).map(fieldOf)),
    described: properties,
  };
}

/** A describe that was cut down to what matters may lack the id. */
function withId(fields: Field[]): Field[] {
  if (fields.some(({ name }) => name === 'Id')) return fields;
  const id = { length: 18, createable: false, updateable: false, nillable: false, defaultedOnCreate: true };
  return [plainField('Id', 'Record ID', 'id', { ...id, idLookup: true }), ...fields];
}

function fieldOf(given: Given): Field {
  const name = String(given['name']);
  const type = String(given['type']);
  const values = listOf<Given>(given['picklistValues']);
  const is = (key: string, otherwise: boolean): boolean => (typeof given[key] === 'boolean' ? given[key] : otherwise);
  const isDerived = is('calculated', false) || is('autoNumber', false) || type === 'id';
  // What only the platform writes is not stored.
  const defaultValue = is('createable', !isDerived) ? defaultOf(given, type, values) : undefined;
  return plainField(name, textOf(given['label']) ?? name, type, {
    length: numberOf(given['length']),
    precision: numberOf(given['precision']) || (NUMBERS.includes(type) ? MAX_PRECISION : 0),
    scale: numberOf(given['scale']),
    digits: numberOf(given['digits']) || (type === 'int' ? MAX_INT_DIGITS : 0),
    createable: is('createable', !isDerived),
    updateable: is('updateable', !isDerived),
    nillable: is('nillable', true),
    // A checkbox is never without a value.
    defaultedOnCreate: is('defaultedOnCreate', isDerived || type === 'boolean' || defaultValue !== undefined),
    calculated: is('calculated', false),
    autoNumber: is('autoNumber', false),
    externalId: is('externalId', false),
    idLookup: is('idLookup', type === 'id'),
    unique: is('unique', false),
    caseSensitive: is('caseSensitive', false),
    restrictedPicklist: is('restrictedPicklist', false),
    picklist: values.filter(({ active }) => active !== false).map(({ value }) => String(value)),
    inactive: values.filter(({ active }) => active === false).map(({ value }) => String(value)),
    relationshipName: textOf(given['relationshipName']) ?? null,
    referenceTo: listOf<string>(given['referenceTo']),
    compoundFieldName: textOf(given['compoundFieldName']) ?? null,
    namePointing: is('namePointing', false),
    restrictsDelete: is('restrictedDelete', false),
    ...(typeof given['relationshipOrder'] === 'number' && { isMasterDetail: true }),
    ...(defaultValue !== undefined && { defaultValue }),
    described: given,
  });
}

/** What a new record has without a value in its row; defaults that are formulas are not known here. */
function defaultOf(given: Given, type: string, values: readonly Given[]): string | undefined {
  const chosen = values.find(({ defaultValue, active }) => defaultValue === true && active !== false);
  if (type === 'picklist' && chosen !== undefined) return String(chosen['value']);
  const value = given['defaultValue'];
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  return textOf(value) ?? (type === 'boolean' ? 'false' : undefined);
}

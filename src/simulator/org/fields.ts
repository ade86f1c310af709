/** Fields of objects, as in describe, with shorthands for the kinds that the org's objects use. */

export interface Field {
  name: string;
  label: string;
  type: string;
  length: number;
  precision: number;
  scale: number;
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
  custom: boolean;
  restrictedPicklist: boolean;
  picklist: string[];
  /** Deactivated values. */
  inactive: string[];
  relationshipName: string | null;
  referenceTo: string[];
  /** The address or name that contains this field. */
  compoundFieldName: string | null;
  namePointing: boolean;
  /** A parent cannot be deleted while records point to it. */
  restrictsDelete: boolean;
  /** The record belongs to its parent, which every write locks. */
  isMasterDetail?: boolean;
  /** Value of a new record without one in its row. */
  defaultValue?: string;
  /** As the org's describe reply has it, for an object that was read from a folder. */
  described?: Record<string, unknown>;
}

export const RECORD_TYPE_FIELD = 'RecordTypeId';

export interface RecordType {
  developerName: string;
  recordTypeId: string;
  label: string;
  active: boolean;
  isDefault: boolean;
  /** Values by field, in lower case; picklists that are not here accept all of the field's values. */
  picklistValues: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface SObject {
  name: string;
  label: string;
  labelPlural: string;
  keyPrefix: string;
  createable: boolean;
  deletable: boolean;
  fields: Field[];
  recordTypes?: readonly RecordType[];
  /** The describe reply that the object was read from, without its fields. */
  described?: Record<string, unknown>;
}

type More = Partial<Field>;

export function field(name: string, label: string, type: string, more: More = {}): Field {
  return {
    name,
    label,
    type,
    length: 0,
    precision: 0,
    scale: 0,
    digits: 0,
    createable: true,
    updateable: true,
    nillable: true,
    defaultedOnCreate: false,
    calculated: false,
    autoNumber: false,
    externalId: false,
    idLookup: false,
    unique: false,
    caseSensitive: false,
    custom: name.endsWith('__c'),
    restrictedPicklist: false,
    picklist: [],
    inactive: [],
    relationshipName: null,
    referenceTo: [],
    compoundFieldName: null,
    namePointing: false,
    restrictsDelete: false,
    ...more,
  };
}

export const required = { nillable: false } as const;
export const defaulted = { nillable: false, defaultedOnCreate: true } as const;
/** Set by the platform. */
export const readOnly = { createable: false, updateable: false, ...defaulted } as const;
/** Computed or combined by the platform. */
const derived = { createable: false, updateable: false } as const;

export const text = (name: string, label: string, length: number, more: More = {}): Field =>
  field(name, label, 'string', { length, ...more });

export const textarea = (name: string, label: string, length: number, more: More = {}): Field =>
  field(name, label, 'textarea', { length, ...more });

export const phone = (name: string, label: string): Field => field(name, label, 'phone', { length: 40 });

export const email = (name: string, label: string, length: number, more: More = {}): Field =>
  field(name, label, 'email', { length, ...more });

export const picklist = (name: string, label: string, values: string[], more: More = {}): Field =>
  field(name, label, 'picklist', { length: 255, picklist: values, restrictedPicklist: true, ...more });

export const flag = (name: string, label: string): Field => field(name, label, 'boolean', defaulted);

export const number = (name: string, label: string, precision: number, scale: number, more: More = {}): Field =>
  field(name, label, 'double', { precision, scale, ...more });

export const currency = (name: string, label: string): Field =>
  field(name, label, 'currency', { precision: 18, scale: 2 });

export const reference = (
  name: string,
  label: string,
  to: string | string[],
  relationshipName: string,
  more: More = {},
): Field =>
  field(name, label, 'reference', {
    length: 18,
    referenceTo: typeof to === 'string' ? [to] : to,
    relationshipName,
    namePointing: typeof to !== 'string',
    ...more,
  });

export const externalId = (name: string, label: string, length: number, more: More = {}): Field =>
  text(name, label, length, { externalId: true, idLookup: true, unique: true, ...more });

export const formula = (name: string, label: string): Field =>
  text(name, label, 1300, { calculated: true, ...derived });

export const autoNumber = (name: string, label: string, more: More = {}): Field =>
  text(name, label, 30, { autoNumber: true, ...readOnly, ...more });

/** `BillingStreet` … `BillingLongitude`, and the compound `BillingAddress` that contains them. */
export function address(kind: string, label = kind): Field[] {
  const part = { compoundFieldName: `${kind}Address` } as const;
  const degree = { precision: 18, scale: 15, ...part } as const;
  return [
    textarea(`${kind}Street`, `${label} Street`.trim(), 255, part),
    text(`${kind}City`, `${label} City`.trim(), 40, part),
    text(`${kind}State`, `${label} State/Province`.trim(), 80, part),
    text(`${kind}PostalCode`, `${label} Zip/Postal Code`.trim(), 20, part),
    text(`${kind}Country`, `${label} Country`.trim(), 80, part),
    field(`${kind}Latitude`, `${label} Latitude`.trim(), 'double', degree),
    field(`${kind}Longitude`, `${label} Longitude`.trim(), 'double', degree),
    field(`${kind}Address`, `${label} Address`.trim(), 'address', derived),
  ];
}

/** A person's name: its parts, and the compound `Name` of them. */
export function personName(): Field[] {
  const part = { compoundFieldName: 'Name' } as const;
  return [
    text('LastName', 'Last Name', 80, { ...required, ...part }),
    text('FirstName', 'First Name', 40, part),
    picklist('Salutation', 'Salutation', ['Mr.', 'Ms.', 'Mrs.', 'Dr.', 'Prof.'], {
      ...part,
      restrictedPicklist: false,
    }),
    text('Name', 'Full Name', 121, { ...readOnly, defaultedOnCreate: false }),
  ];
}

/** Fields of every object. */
export function system(): Field[] {
  return [
    field('Id', 'Record ID', 'id', { length: 18, idLookup: true, ...readOnly }),
    field('IsDeleted', 'Deleted', 'boolean', readOnly),
    field('CreatedDate', 'Created Date', 'datetime', readOnly),
    reference('CreatedById', 'Created By ID', 'User', 'CreatedBy', readOnly),
    field('LastModifiedDate', 'Last Modified Date', 'datetime', readOnly),
    reference('LastModifiedById', 'Last Modified By ID', 'User', 'LastModifiedBy', readOnly),
    field('SystemModstamp', 'System Modstamp', 'datetime', readOnly),
  ];
}

export const ownedByUser = (): Field => reference('OwnerId', 'Owner ID', 'User', 'Owner', defaulted);
export const ownedByUserOrQueue = (): Field => reference('OwnerId', 'Owner ID', ['Group', 'User'], 'Owner', defaulted);

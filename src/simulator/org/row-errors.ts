/** The texts of row errors: `CODE:message:Field_A Field_B --`. */
import type { Field } from './fields.js';

export const LOCKED =
  'UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 200 records: 001000000000001AAA,001000000000002AAA:--';
/** @param ids the records that others have locked */
export const lockedRecords = (ids: readonly string[]): string =>
  `UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or ${ids.length} records: ${ids.join(',')}:--`;

export const NO_SUCH_RECORD = 'INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--';
export const GONE = 'ENTITY_IS_DELETED:entity is deleted:--';
export const NO_ACCESS = 'INSUFFICIENT_ACCESS_OR_READONLY:insufficient access rights on object id:--';
export const NO_ACCESS_TO_PARENT =
  'INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY:insufficient access rights on cross-reference id:--';
export const NO_STORAGE = 'STORAGE_LIMIT_EXCEEDED:storage limit exceeded:--';
export const ID_WITH_INSERT = 'INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --';

/** An error about one field, which is its last part. */
export const aboutField = (code: string, message: string, { name }: Pick<Field, 'name'>): string =>
  `${code}:${message}:${name} --`;

export const idMissing = (operation: string): string => `MISSING_ARGUMENT:Id not specified in an ${operation} call:--`;

export const keyMissing = ({ name }: Field): string => `MISSING_ARGUMENT:${name} not specified:--`;

export const malformedId = (value: string): string => `MALFORMED_ID:malformed id ${value}:--`;

export const notDeserialised = (field: Field, value: string, column: number, type: string): string =>
  aboutField(
    'INVALID_FIELD',
    `Failed to deserialize field at col ${column}. Due to, '${value}' is not a valid value for the type xsd:${type}`,
    field,
  );

export const notWritable = (field: Field): string =>
  aboutField(
    'INVALID_FIELD_FOR_INSERT_UPDATE',
    `Unable to create/update fields: ${field.name}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`,
    field,
  );

export const requiredMissing = (names: readonly string[], separator: string): string =>
  `REQUIRED_FIELD_MISSING:Required fields are missing: [${names.join(', ')}]:${names.join(separator)} --`;

export const keyTwice = (field: Field, value: string): string =>
  aboutField('DUPLICATE_VALUE', `Duplicate external id specified: ${value}`, field);

export const valueTaken = ({ name }: Pick<Field, 'name'>, other: string): string =>
  `DUPLICATE_VALUE:duplicate value found: ${name} duplicates value on record with id: ${other}:--`;

export const severalFound = (field: Field, ids: readonly string[]): string =>
  aboutField(
    'DUPLICATE_EXTERNAL_ID',
    `${field.name}: more than one record found for external id field: [${ids.join(', ')}]`,
    field,
  );

export const parentNotFound = (value: string, field: Field, entity: string): string =>
  `INVALID_FIELD:Foreign key external ID: ${value} not found for field ${field.name} in entity ${entity}:--`;

export const severalParents = (value: string, field: Field, entity: string): string =>
  `INVALID_FIELD:Foreign key external ID: ${value} matches more than one record for field ${field.name} in entity ${entity}:--`;

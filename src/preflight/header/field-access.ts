/** Whether an operation may write a field, and if not, why. */
import type { Operation } from '../../contract/names.js';
import type { FieldDescribe, ObjectDescribe } from '../../salesforce/resources/describe.js';
import { listed } from './findings.js';
import type { Problem, Problems } from './findings.js';

const COMPOUND_TYPES = new Set(['address', 'location']);
const AUDIT_FIELDS = new Set(['CreatedDate', 'CreatedById', 'LastModifiedDate', 'LastModifiedById']);
const SYSTEM_FIELDS = new Set([...AUDIT_FIELDS, 'SystemModstamp', 'IsDeleted']);

/** The platform fills these itself, whatever their flags are. */
function isDerived(field: FieldDescribe): boolean {
  return field.calculated || field.autoNumber || COMPOUND_TYPES.has(field.type);
}

export const isCreateable = (field: FieldDescribe): boolean => field.createable && !isDerived(field);
export const isUpdateable = (field: FieldDescribe): boolean => field.updateable && !isDerived(field);

/** Fields that make up an address, a location or a person's name. */
export function partsOf(field: FieldDescribe, describe: ObjectDescribe): FieldDescribe[] {
  return describe.fields.filter(
    ({ name, compoundFieldName }) => compoundFieldName === field.name && name !== field.name,
  );
}

/** Not for the field that identifies records: it need not be writable. */
export function checkAccess(field: FieldDescribe, describe: ObjectDescribe, operation: Operation): Problems {
  const [create, update] = [isCreateable(field), isUpdateable(field)];
  const refused = (text: string): Problems => ({ errors: [{ code: 'HEADER_NOT_WRITABLE', text }], warnings: [] });
  const doubtful = (warning: Problem): Problems => ({ errors: [], warnings: [warning] });
  const what = `\`${field.name}\``;
  if (!create && !update) return refused(`${what} cannot be written: ${whyNever(field, describe, operation)}.`);
  if (operation === 'insert' && !create) return refused(`${what} can be set only on existing records.`);
  if (operation === 'update' && !update) return refused(`${what} can be set only when a record is created.`);
  if (operation === 'upsert' && !update) {
    const text = `${what} can be set only when a record is created; rows that update a record may be refused.`;
    return doubtful({ code: 'HEADER_ONLY_ON_CREATE', text });
  }
  if (operation === 'upsert' && !create) {
    const text = `${what} can be set only on existing records; rows that create a record may be refused.`;
    return doubtful({ code: 'HEADER_ONLY_ON_UPDATE', text });
  }
  return { errors: [], warnings: [] };
}

function whyNever(field: FieldDescribe, describe: ObjectDescribe, operation: Operation): string {
  const parts = partsOf(field, describe).filter((part) => isCreateable(part) || isUpdateable(part));
  if (parts.length > 0) {
    return `Salesforce composes it from ${listed(parts.map(({ name }) => name))}; send these instead`;
  }
  if (COMPOUND_TYPES.has(field.type)) return 'Salesforce composes it from other fields; send those instead';
  if (field.autoNumber) return 'it is an auto number, which Salesforce assigns';
  if (field.calculated) return 'it is a formula or a roll-up, which Salesforce calculates';
  if (operation !== 'update' && AUDIT_FIELDS.has(field.name)) {
    return 'Salesforce sets it, unless the user has the permission "Set Audit Fields upon Record Creation"';
  }
  if (SYSTEM_FIELDS.has(field.name)) return 'Salesforce sets it';
  return 'it is read-only, for all users or for this one (field-level security)';
}

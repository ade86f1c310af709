/** Finds fields that every new record needs and that no column sets. */
import { looksLikeName } from '../../csv/shown-titles.js';
import type { Operation } from '../../contract/names.js';
import type { FieldDescribe, ObjectDescribe } from '../../salesforce/resources/describe.js';
import { isCreateable, partsOf } from './field-access.js';
import type { Finding, Findings } from './findings.js';
import type { ResolvedColumn } from './resolve-columns.js';

/** Layouts and rules of the org may require more fields, which describe does not show. */
export function checkRequired(
  describe: ObjectDescribe,
  operation: Operation,
  sent: readonly ResolvedColumn[],
): Findings {
  if (operation !== 'insert' && operation !== 'upsert') return { errors: [], warnings: [] };
  const given = new Set(sent.map(({ field }) => field?.name));
  const isMissing = (field: FieldDescribe): boolean =>
    isCreateable(field) &&
    !field.nillable &&
    !field.defaultedOnCreate &&
    field.type !== 'boolean' &&
    !given.has(field.name) &&
    // The Name of a person account is set by its LastName.
    !partsOf(field, describe).some(({ name }) => given.has(name));
  const found = describe.fields.filter(isMissing).map(({ name, label, relationshipName, referenceTo }): Finding => {
    const shown = label === name || !looksLikeName(label) ? `\`${name}\`` : `\`${name}\` ("${label}")`;
    const parent =
      relationshipName === undefined || referenceTo.length > 1
        ? ''
        : ` with ids, or one such as \`${relationshipName}.External_Id__c\``;
    const missing = `No column sets ${shown}, which every new \`${describe.name}\` needs`;
    const remedy = `Add a column${parent}, or set one value for every row with --set '${name}=…'.`;
    return {
      code: 'HEADER_REQUIRED_MISSING',
      message:
        operation === 'insert' ? `${missing}. ${remedy}` : `${missing}: rows that create a record will fail. ${remedy}`,
    };
  });
  return operation === 'insert' ? { errors: found, warnings: [] } : { errors: [], warnings: found };
}

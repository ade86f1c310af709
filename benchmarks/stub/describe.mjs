// The stub's describe of its object: enough for a header check.
import { HEADER } from '../rows.mjs';

function field(name) {
  const isKey = name === 'External_Id__c';
  return {
    name,
    label: name,
    type: 'string',
    length: 255,
    createable: true,
    updateable: true,
    nillable: true,
    externalId: isKey,
    idLookup: isKey,
    unique: isKey,
    caseSensitive: false,
    referenceTo: [],
    picklistValues: [],
  };
}

export function describeReply(object) {
  const fields = HEADER.trimEnd().split(',').map(field);
  return { name: object, label: object, createable: true, updateable: true, deletable: true, keyPrefix: '001', fields };
}

/** The bodies of describe replies. */
import type { Field, SObject } from './fields.js';

function properties(object: SObject): Record<string, unknown> {
  const { name, label, labelPlural, keyPrefix, createable, deletable } = object;
  return {
    name,
    label,
    labelPlural,
    keyPrefix,
    createable,
    updateable: true,
    deletable,
    queryable: true,
    custom: name.endsWith('__c'),
  };
}

function describeField(field: Field): Record<string, unknown> {
  const { picklist, inactive, restrictsDelete: _ours, ...rest } = field;
  return {
    ...rest,
    byteLength: rest.length * 3,
    permissionable: rest.nillable && rest.type !== 'address',
    polymorphicForeignKey: rest.referenceTo.length > 1,
    dependentPicklist: false,
    controllerName: null,
    picklistValues: [...picklist, ...inactive].map((value) => ({
      value,
      label: value,
      active: picklist.includes(value),
      defaultValue: false,
      validFor: null,
    })),
  };
}

export function describeReply(object: SObject): unknown {
  return { ...properties(object), recordTypeInfos: [], fields: object.fields.map(describeField) };
}

export function globalDescribe(objects: readonly SObject[], base: string): unknown {
  const sobjects = objects.map((object) => {
    const sobject = `${base}/sobjects/${object.name}`;
    return {
      ...properties(object),
      urls: { sobject, describe: `${sobject}/describe`, rowTemplate: `${sobject}/{ID}` },
    };
  });
  return { encoding: 'UTF-8', maxBatchSize: 200, sobjects };
}

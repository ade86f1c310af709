/** The bodies of describe replies. */
import { EVERYTHING } from './access.js';
import type { Access } from './access.js';
import type { Field, SObject } from './fields.js';

function properties(object: SObject): Record<string, unknown> {
  const { name, label, labelPlural, keyPrefix, createable, deletable, described = {} } = object;
  return {
    name,
    label,
    labelPlural,
    keyPrefix,
    createable,
    updateable: described['updateable'] !== false,
    deletable,
    queryable: described['queryable'] !== false,
    custom: name.endsWith('__c'),
  };
}

function describeField(field: Field, writable: boolean): Record<string, unknown> {
  const {
    picklist,
    inactive,
    restrictsDelete: _,
    isMasterDetail: _ours,
    defaultValue: _kept,
    described = {},
    ...rest
  } = field;
  const values = [...picklist, ...inactive].map((value) => ({ value, active: picklist.includes(value) }));
  const given = (described['picklistValues'] as Record<string, unknown>[] | null | undefined) ?? values;
  return {
    ...rest,
    byteLength: rest.length * 3,
    permissionable: rest.nillable && rest.type !== 'address',
    polymorphicForeignKey: rest.referenceTo.length > 1,
    dependentPicklist: false,
    controllerName: null,
    // What was read from a folder is repeated with everything that it contained.
    ...described,
    ...(!writable && { createable: false, updateable: false }),
    picklistValues: given.map((one) => ({
      label: one['value'],
      active: true,
      defaultValue: false,
      validFor: null,
      ...one,
    })),
  };
}

export function describeReply(object: SObject, access: Access = EVERYTHING): unknown {
  const { recordTypes = [], described } = object;
  const recordTypeInfos = recordTypes.map(({ developerName, recordTypeId, label, active, isDefault }) => ({
    active,
    available: active,
    defaultRecordTypeMapping: isDefault,
    developerName,
    master: false,
    name: label,
    recordTypeId,
  }));
  const fields = object.fields
    .filter(({ name }) => access.seesField(object.name, name))
    .map((field) => describeField(field, access.writes(object.name, field.name)));
  return { ...properties(object), recordTypeInfos, ...described, fields };
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

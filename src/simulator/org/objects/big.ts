/** Reading__b, a big object: its jobs have their own type. */
import * as of from '../fields.js';
import type { SObject } from '../fields.js';

export function reading(): SObject {
  return {
    name: 'Reading__b',
    label: 'Reading',
    labelPlural: 'Readings',
    keyPrefix: 'x00',
    createable: true,
    deletable: true,
    fields: [
      of.field('Id', 'Record ID', 'id', { length: 18, ...of.readOnly, idLookup: true }),
      of.field('CreatedDate', 'Created Date', 'datetime', of.readOnly),
      of.text('Meter__c', 'Meter', 40, of.required),
      of.field('Read_At__c', 'Read At', 'datetime', of.required),
      of.number('Value__c', 'Value', 18, 2),
    ],
  };
}

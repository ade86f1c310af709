/** Formulas of validation rules on one record. */
import { compileRule } from '../../src/simulator/formula/compile.js';
import { fromDescribe } from '../../src/simulator/org-folder/from-describe.js';
import { describeOf, field, key, lookup, picklist } from './org-folder.js';

export const OBJECT = {
  ...fromDescribe(
    describeOf('Plant__c', 'a0P', [
      field('Name'),
      key(),
      field('Amount__c', 'currency'),
      field('Share__c', 'percent'),
      field('Count__c', 'int'),
      field('Day__c', 'date'),
      field('At__c', 'datetime'),
      field('Done__c', 'boolean'),
      field('Sum__c', 'double', { calculated: true }),
      field('Place__c', 'location'),
      picklist('State__c', ['On', 'Off']),
      field('Tags__c', 'multipicklist'),
      lookup('Parent__c', 'Plant__c', 'Parent__r'),
    ]),
  ),
  recordTypes: [
    {
      developerName: 'Big',
      recordTypeId: '012000000000001AAA',
      label: 'Big one',
      active: true,
      isDefault: true,
      picklistValues: new Map(),
    },
  ],
};

export const ROW: Record<string, string> = {
  Name: 'Alpha "Plant"',
  Key__c: 'A-17',
  Amount__c: '12.5',
  Share__c: '50',
  Day__c: '2026-02-28',
  At__c: '2026-11-30T20:15:00.000Z',
  Done__c: 'true',
  State__c: 'On',
  Tags__c: 'a;b',
  Parent__c: 'a0Psm0000000001AAA',
};

export function evaluate(formula: string, before?: Record<string, string>, row = ROW): boolean {
  return compileRule(
    formula,
    OBJECT,
  )({
    after: ({ name }) => row[name],
    before: ({ name }) => before?.[name],
    isNew: before === undefined,
    now: Date.UTC(2026, 10, 30, 23, 30),
    recordType: (part) => (part === 'label' ? 'Big one' : 'Big'),
  });
}

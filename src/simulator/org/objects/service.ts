/** Case, Task and the custom Invoice__c. */
import * as of from '../fields.js';
import type { SObject } from '../fields.js';

/** Called `case_` because `case` is a reserved word. */
export function case_(): SObject {
  return {
    name: 'Case',
    label: 'Case',
    labelPlural: 'Cases',
    keyPrefix: '500',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      of.autoNumber('CaseNumber', 'Case Number'),
      of.text('Subject', 'Subject', 255),
      of.textarea('Description', 'Description', 32_000),
      of.picklist('Status', 'Status', ['New', 'Working', 'Escalated', 'Closed'], of.defaulted),
      of.picklist('Priority', 'Priority', ['High', 'Medium', 'Low'], of.defaulted),
      of.picklist('Origin', 'Case Origin', ['Email', 'Phone', 'Web'], { restrictedPicklist: false }),
      of.reference('AccountId', 'Account ID', 'Account', 'Account', { restrictsDelete: true }),
      of.reference('ContactId', 'Contact ID', 'Contact', 'Contact'),
      of.ownedByUserOrQueue(),
      of.externalId('External_Id__c', 'External Id', 80),
    ],
  };
}

export function task(): SObject {
  return {
    name: 'Task',
    label: 'Task',
    labelPlural: 'Tasks',
    keyPrefix: '00T',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      of.text('Subject', 'Subject', 255),
      of.field('ActivityDate', 'Due Date Only', 'date'),
      of.picklist('Status', 'Status', ['Not Started', 'In Progress', 'Completed'], of.defaulted),
      of.picklist('Priority', 'Priority', ['High', 'Normal', 'Low'], of.defaulted),
      of.textarea('Description', 'Description', 32_000),
      of.reference('WhoId', 'Name ID', ['Contact', 'Lead'], 'Who'),
      of.reference('WhatId', 'Related To ID', ['Account', 'Case', 'Invoice__c'], 'What'),
      of.reference('OwnerId', 'Assigned To ID', 'User', 'Owner', of.defaulted),
    ],
  };
}

export function invoice(): SObject {
  return {
    name: 'Invoice__c',
    label: 'Invoice',
    labelPlural: 'Invoices',
    keyPrefix: 'a00',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      of.autoNumber('Name', 'Invoice Name', { idLookup: true }),
      of.externalId('Number__c', 'Number', 40, { caseSensitive: true }),
      of.currency('Amount__c', 'Amount'),
      of.field('Discount__c', 'Discount', 'percent', { precision: 5, scale: 2 }),
      of.field('Due_Date__c', 'Due Date', 'date'),
      of.flag('Paid__c', 'Paid'),
      of.picklist('Status__c', 'Status', ['Draft', 'Sent', 'Paid']),
      of.text('Note__c', 'Note', 255),
      // From a managed package whose prefix equals the one of the platform's own columns.
      of.text('sf__Region__c', 'Region', 40),
      of.reference('Account__c', 'Account', 'Account', 'Account__r', of.required),
      of.reference('Billing_Contact__c', 'Billing Contact', 'Contact', 'Billing_Contact__r'),
      of.ownedByUserOrQueue(),
    ],
  };
}

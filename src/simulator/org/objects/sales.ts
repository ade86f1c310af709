/** Account, Contact and Lead. */
import * as of from '../fields.js';
import type { SObject } from '../fields.js';

const INDUSTRIES = ['Agriculture', 'Banking', 'Energy', 'Retail', 'Technology'];
const RATINGS = ['Hot', 'Warm', 'Cold'];

export function account(): SObject {
  return {
    name: 'Account',
    label: 'Account',
    labelPlural: 'Accounts',
    keyPrefix: '001',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      of.text('Name', 'Account Name', 255, of.required),
      of.picklist('Type', 'Account Type', ['Prospect', 'Customer - Direct', 'Customer - Channel', 'Other'], {
        restrictedPicklist: false,
        inactive: ['Reseller'],
      }),
      of.picklist('Industry', 'Industry', INDUSTRIES, { inactive: ['Shipping'] }),
      of.picklist('Rating', 'Account Rating', RATINGS),
      of.text('AccountNumber', 'Account Number', 40),
      of.phone('Phone', 'Account Phone'),
      of.phone('Fax', 'Account Fax'),
      of.field('Website', 'Website', 'url', { length: 255 }),
      of.text('Sic', 'SIC Code', 20),
      of.currency('AnnualRevenue', 'Annual Revenue'),
      of.field('NumberOfEmployees', 'Employees', 'int', { digits: 8 }),
      of.textarea('Description', 'Account Description', 32_000),
      ...of.address('Billing'),
      ...of.address('Shipping'),
      of.reference('ParentId', 'Parent Account ID', 'Account', 'Parent'),
      of.ownedByUser(),
      of.externalId('External_Id__c', 'External Id', 80),
      of.number('Legacy_Number__c', 'Legacy Number', 18, 0, { externalId: true, idLookup: true, unique: true }),
      of.email('Email__c', 'Email', 80),
      of.number('Score__c', 'Score', 5, 2),
      of.field('Last_Audit__c', 'Last Audit', 'datetime'),
      of.flag('Active__c', 'Active'),
      of.formula('Display_Name__c', 'Display Name'),
    ],
  };
}

export function contact(): SObject {
  return {
    name: 'Contact',
    label: 'Contact',
    labelPlural: 'Contacts',
    keyPrefix: '003',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      ...of.personName(),
      of.text('Title', 'Title', 128),
      of.phone('Phone', 'Business Phone'),
      // Identifies a contact, but two may share it.
      of.email('Email', 'Email', 80, { idLookup: true }),
      of.field('Birthdate', 'Birthdate', 'date'),
      of.flag('DoNotCall', 'Do Not Call'),
      of.textarea('Description', 'Contact Description', 32_000),
      ...of.address('Mailing'),
      of.reference('AccountId', 'Account ID', 'Account', 'Account'),
      of.reference('ReportsToId', 'Reports To ID', 'Contact', 'ReportsTo'),
      of.ownedByUser(),
      of.externalId('External_Id__c', 'External Id', 80),
    ],
  };
}

export function lead(): SObject {
  return {
    name: 'Lead',
    label: 'Lead',
    labelPlural: 'Leads',
    keyPrefix: '00Q',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      ...of.personName(),
      of.text('Company', 'Company', 255, of.required),
      of.email('Email', 'Email', 80, { idLookup: true }),
      of.phone('Phone', 'Phone'),
      of.picklist('Status', 'Status', ['Open', 'Contacted', 'Qualified', 'Unqualified'], of.defaulted),
      of.picklist('Rating', 'Rating', RATINGS),
      ...of.address('', ''),
      of.field('IsConverted', 'Converted', 'boolean', of.readOnly),
      of.ownedByUserOrQueue(),
      of.externalId('External_Id__c', 'External Id', 80),
    ],
  };
}

/** User, Group and Organization: owners of records, and what clients read at login. */
import * as of from '../fields.js';
import type { SObject } from '../fields.js';

export function user(): SObject {
  return {
    name: 'User',
    label: 'User',
    labelPlural: 'Users',
    keyPrefix: '005',
    createable: true,
    deletable: false,
    fields: [
      ...of.system(),
      ...of.personName(),
      of.text('Username', 'Username', 80, { ...of.required, idLookup: true, unique: true }),
      of.email('Email', 'Email', 128, { ...of.required, idLookup: true }),
      of.text('Alias', 'Alias', 8, of.required),
      of.text('FederationIdentifier', 'SAML Federation ID', 512, { idLookup: true, unique: true, caseSensitive: true }),
      of.flag('IsActive', 'Active'),
      // CsnOnly: a Chatter Free license, which cannot own records.
      of.picklist('UserType', 'User Type', ['Standard', 'CsnOnly'], of.readOnly),
    ],
  };
}

export function group(): SObject {
  return {
    name: 'Group',
    label: 'Group',
    labelPlural: 'Group',
    keyPrefix: '00G',
    createable: true,
    deletable: true,
    fields: [
      ...of.system(),
      of.text('Name', 'Name', 40, of.required),
      of.text('DeveloperName', 'Developer Name', 80, { idLookup: true, unique: true }),
      of.picklist('Type', 'Type', ['Queue', 'Regular'], of.defaulted),
    ],
  };
}

export function organization(): SObject {
  return {
    name: 'Organization',
    label: 'Organization',
    labelPlural: 'Organizations',
    keyPrefix: '00D',
    createable: false,
    deletable: false,
    fields: [
      ...of.system(),
      of.text('Name', 'Name', 80, of.required),
      of.text('InstanceName', 'Instance Name', 5, of.readOnly),
      of.text('OrganizationType', 'Edition', 40, of.readOnly),
      of.text('NamespacePrefix', 'Namespace Prefix', 15, of.readOnly),
      of.field('IsSandbox', 'Is Sandbox', 'boolean', of.readOnly),
      of.field('TrialExpirationDate', 'Trial Expiration Date', 'datetime', of.readOnly),
    ],
  };
}

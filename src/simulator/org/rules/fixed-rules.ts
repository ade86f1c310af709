/** Rules of the org with the fixed objects: a validation rule, a lookup filter, a duplicate rule, licenses. */
import { aboutField, NO_ACCESS } from '../row-errors.js';
import type { Org } from '../org.js';
import type { Table } from '../table.js';
import type { Write } from './write.js';

/** The error of the first broken rule, if any. */
export function brokenFixedRule(write: Write): string | undefined {
  if (!write.org.isFixed) return ownerRule(write);
  switch (write.table.object.name) {
    case 'Lead':
      return leadRules(write) ?? ownerRule(write);
    case 'Invoice__c':
      return invoiceRules(write) ?? ownerRule(write);
    default:
      return ownerRule(write);
  }
}

function ownerRule(write: Write): string | undefined {
  const { org, table } = write;
  const owner = table.object.name === 'User' ? undefined : write.written('OwnerId');
  const users = org.table('User') as Table;
  const n = owner === undefined ? 0 : users.byId(owner);
  const licence = users.field('UserType');
  if (n === 0 || licence === undefined || users.value(n, licence) !== 'CsnOnly') return undefined;
  return aboutField('OP_WITH_INVALID_USER_TYPE_EXCEPTION', 'Operation not valid for this user type', {
    name: 'OwnerId',
  });
}

function leadRules(write: Write): string | undefined {
  const { table, record } = write;
  if (record !== 0 && write.after('IsConverted') === 'true') {
    return 'CANNOT_UPDATE_CONVERTED_LEAD:cannot reference converted lead:--';
  }
  const email = table.field('Email');
  const given = write.written('Email');
  if (record !== 0 || email === undefined || given === undefined || table.findOne(email, given) === undefined) {
    return undefined;
  }
  return 'DUPLICATES_DETECTED:Use one of these records?:--';
}

function invoiceRules(write: Write): string | undefined {
  const { org } = write;
  if (Number(write.after('Amount__c') ?? 0) < 0) {
    const message = 'The amount of an invoice cannot be negative.';
    return aboutField('FIELD_CUSTOM_VALIDATION_EXCEPTION', message, { name: 'Amount__c' });
  }
  const contacts = org.table('Contact') as Table;
  const contact = contacts.byId(write.after('Billing_Contact__c') ?? '');
  const account = contacts.field('AccountId');
  if (contact === 0 || account === undefined) return undefined;
  if (contacts.value(contact, account)?.slice(0, 15) === write.after('Account__c')?.slice(0, 15)) return undefined;
  const message = 'Value does not exist or does not match filter criteria.';
  return aboutField('FIELD_FILTER_VALIDATION_EXCEPTION', message, { name: 'Billing_Contact__c' });
}

/** Why a record cannot be deleted, if so. */
export function refuseDelete(org: Org, table: Table, n: number): string | undefined {
  if (!table.object.deletable) return NO_ACCESS;
  for (const { table: children, field } of org.restrictions(table.object.name)) {
    const child = children.findOne(field, table.id(n));
    if (child === undefined) continue;
    const what = children.object.labelPlural.toLowerCase();
    return `DELETE_FAILED:Your attempt to delete ${table.id(n)} could not be completed because it is associated with the following ${what}: ${children.id(child)}:--`;
  }
  return undefined;
}

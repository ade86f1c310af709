/** The objects of the simulated org and their fields, as describe tells them. */

export interface Field {
  name: string;
  label: string;
  type: string;
  length: number;
  precision: number;
  scale: number;
  digits: number;
  createable: boolean;
  updateable: boolean;
  nillable: boolean;
  defaultedOnCreate: boolean;
  calculated: boolean;
  autoNumber: boolean;
  externalId: boolean;
  idLookup: boolean;
  unique: boolean;
  caseSensitive: boolean;
  custom: boolean;
  restrictedPicklist: boolean;
  picklist: string[];
  relationshipName: string | null;
  referenceTo: string[];
}

export interface SObject {
  name: string;
  label: string;
  keyPrefix: string;
  fields: Field[];
}

function field(name: string, label: string, type: string, more: Partial<Field> = {}): Field {
  return {
    name,
    label,
    type,
    length: 0,
    precision: 0,
    scale: 0,
    digits: 0,
    createable: true,
    updateable: true,
    nillable: true,
    defaultedOnCreate: false,
    calculated: false,
    autoNumber: false,
    externalId: false,
    idLookup: false,
    unique: false,
    caseSensitive: false,
    custom: name.endsWith('__c'),
    restrictedPicklist: false,
    picklist: [],
    relationshipName: null,
    referenceTo: [],
    ...more,
  };
}

const text = (name: string, label: string, length: number, more: Partial<Field> = {}): Field =>
  field(name, label, 'string', { length, ...more });
const picklist = (name: string, label: string, values: string[], restrictedPicklist = true): Field =>
  field(name, label, 'picklist', { length: 255, picklist: values, restrictedPicklist });
const reference = (
  name: string,
  label: string,
  to: string,
  relationshipName: string,
  more: Partial<Field> = {},
): Field => field(name, label, 'reference', { length: 18, referenceTo: [to], relationshipName, ...more });
const currency = (name: string, label: string): Field => field(name, label, 'currency', { precision: 18, scale: 2 });
const externalId = (name: string, label: string, length: number, caseSensitive = false): Field =>
  text(name, label, length, { externalId: true, idLookup: true, unique: true, caseSensitive });
const required = { nillable: false } as const;
const readOnly = { createable: false, updateable: false, nillable: false, defaultedOnCreate: true } as const;

function system(): Field[] {
  return [
    field('Id', 'Record ID', 'id', { length: 18, idLookup: true, ...readOnly }),
    field('IsDeleted', 'Deleted', 'boolean', readOnly),
    field('CreatedDate', 'Created Date', 'datetime', readOnly),
    field('LastModifiedDate', 'Last Modified Date', 'datetime', readOnly),
    field('SystemModstamp', 'System Modstamp', 'datetime', readOnly),
  ];
}

const owner = (): Field =>
  reference('OwnerId', 'Owner ID', 'User', 'Owner', { nillable: false, defaultedOnCreate: true });

/** Fresh each time, so that one org's changes never reach another's. */
export function standardObjects(): SObject[] {
  return [
    {
      name: 'Account',
      label: 'Account',
      keyPrefix: '001',
      fields: [
        ...system(),
        text('Name', 'Account Name', 255, required),
        picklist('Type', 'Account Type', ['Prospect', 'Customer - Direct', 'Customer - Channel', 'Other'], false),
        picklist('Industry', 'Industry', ['Agriculture', 'Banking', 'Energy', 'Retail', 'Technology']),
        picklist('Rating', 'Account Rating', ['Hot', 'Warm', 'Cold']),
        text('AccountNumber', 'Account Number', 40),
        field('Phone', 'Account Phone', 'phone', { length: 40 }),
        field('Website', 'Website', 'url', { length: 255 }),
        currency('AnnualRevenue', 'Annual Revenue'),
        field('NumberOfEmployees', 'Employees', 'int', { digits: 8 }),
        field('Description', 'Account Description', 'textarea', { length: 32_000 }),
        field('BillingStreet', 'Billing Street', 'textarea', { length: 255 }),
        text('BillingCity', 'Billing City', 40),
        text('BillingPostalCode', 'Billing Zip/Postal Code', 20),
        text('BillingCountry', 'Billing Country', 80),
        reference('ParentId', 'Parent Account ID', 'Account', 'Parent'),
        owner(),
        externalId('External_Id__c', 'External Id', 80),
        field('Legacy_Number__c', 'Legacy Number', 'double', {
          precision: 18,
          externalId: true,
          idLookup: true,
          unique: true,
        }),
        field('Email__c', 'Email', 'email', { length: 80 }),
      ],
    },
    {
      name: 'Contact',
      label: 'Contact',
      keyPrefix: '003',
      fields: [
        ...system(),
        text('LastName', 'Last Name', 80, required),
        text('FirstName', 'First Name', 40),
        field('Email', 'Email', 'email', { length: 80, idLookup: true }),
        field('Birthdate', 'Birthdate', 'date'),
        field('DoNotCall', 'Do Not Call', 'boolean', { nillable: false, defaultedOnCreate: true }),
        field('Description', 'Contact Description', 'textarea', { length: 32_000 }),
        reference('AccountId', 'Account ID', 'Account', 'Account'),
        owner(),
        externalId('External_Id__c', 'External Id', 80),
      ],
    },
    {
      name: 'User',
      label: 'User',
      keyPrefix: '005',
      fields: [
        ...system(),
        text('LastName', 'Last Name', 80, required),
        field('Email', 'Email', 'email', { length: 128, idLookup: true }),
      ],
    },
    {
      name: 'Invoice__c',
      label: 'Invoice',
      keyPrefix: 'a00',
      fields: [
        ...system(),
        text('Name', 'Invoice Name', 80, { createable: false, updateable: false, nillable: false, autoNumber: true }),
        externalId('Number__c', 'Number', 40, true),
        currency('Amount__c', 'Amount'),
        field('Due_Date__c', 'Due Date', 'date'),
        field('Paid__c', 'Paid', 'boolean', { nillable: false, defaultedOnCreate: true }),
        picklist('Status__c', 'Status', ['Draft', 'Sent', 'Paid']),
        text('Note__c', 'Note', 255),
        reference('Account__c', 'Account', 'Account', 'Account__r', required),
      ],
    },
  ];
}

/** The body of a describe reply. */
export function describeReply(object: SObject): unknown {
  return {
    name: object.name,
    label: object.label,
    createable: true,
    updateable: true,
    deletable: true,
    queryable: true,
    keyPrefix: object.keyPrefix,
    recordTypeInfos: [],
    fields: object.fields.map(({ picklist: values, ...rest }) => ({
      ...rest,
      byteLength: rest.length * 3,
      permissionable: rest.nillable,
      compoundFieldName: null,
      namePointing: false,
      dependentPicklist: false,
      controllerName: null,
      picklistValues: values.map((value) => ({
        value,
        label: value,
        active: true,
        defaultValue: false,
        validFor: null,
      })),
    })),
  };
}

/** Row errors: their causes, and their exact texts. */
import { describe, expect, it } from 'vitest';
import { Clock, openOrg } from '../../helpers/simulator.js';
import type { JobRequest } from '../../helpers/simulator.js';

/** The errors of rows that fail in a separate org. */
async function errorsOf(csv: string, request: JobRequest = {}): Promise<string[]> {
  const { info, errors } = await (await openOrg()).load(csv, request);
  expect(info['state']).toBe('JobComplete');
  return errors;
}

const upsert = { operation: 'upsert', externalIdFieldName: 'External_Id__c' };

it.each([
  [
    '[row-required] a required field without a value',
    'External_Id__c\nA\n',
    'REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --',
  ],
  [
    '[row-required] a required field that is cleared',
    'External_Id__c,Name\nA,#N/A\n',
    'REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --',
  ],
  [
    '[row-too-long] a text that is too long',
    `Name,AccountNumber\nA,${'x'.repeat(41)}\n`,
    `STRING_TOO_LONG:Account Number: data value too large: ${'x'.repeat(41)} (max length=40):AccountNumber --`,
  ],
  [
    '[row-email] an invalid address',
    'Name,Email__c\nA,a-at-b\n',
    'INVALID_EMAIL_ADDRESS:Email: invalid email address: a-at-b:Email__c --',
  ],
  [
    '[row-picklist] a value that a restricted picklist does not have',
    'Name,Rating\nA,Terrible\n',
    'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Account Rating: bad value for restricted picklist field: Terrible:Rating --',
  ],
  [
    '[row-picklist] a value that was switched off',
    'Name,Industry\nA,Shipping\n',
    'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Industry: bad value for restricted picklist field: Shipping:Industry --',
  ],
  [
    '[row-deserialize] an invalid number',
    'Name,Phone,AnnualRevenue\nA,1,lots\n',
    "INVALID_FIELD:Failed to deserialize field at col 2. Due to, 'lots' is not a valid value for the type xsd:double:AnnualRevenue --",
  ],
  [
    '[row-range] a number with too many digits',
    'Name,Score__c\nA,12345\n',
    'NUMBER_OUTSIDE_VALID_RANGE:Score: value outside of valid range on numeric field: 12345.0:Score__c --',
  ],
  [
    '[row-malformed-id] a lookup that is no id',
    'Name,ParentId\nA,nobody\n',
    'MALFORMED_ID:Parent Account ID: id value of incorrect type: nobody:ParentId --',
  ],
  [
    '[row-wrong-id-type] a lookup to another object',
    'Name,ParentId\nA,005sm0000000001AAA\n',
    'FIELD_INTEGRITY_EXCEPTION:Parent Account ID: id value of incorrect type: 005sm0000000001AAA:ParentId --',
  ],
  [
    '[row-cross-reference] a lookup to a record that does not exist',
    'Name,ParentId\nA,001sm0000000099AAA\n',
    'INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--',
  ],
  [
    '[row-not-writable] a read-only field',
    'Name,Display_Name__c\nA,B\n',
    'INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Display_Name__c. Please check the security settings of this field and verify that it is read/write for your profile or permission set.:Display_Name__c --',
  ],
  [
    '[row-insert-with-id] an insert with Id',
    'Name,Id\nA,001sm0000000099AAA\n',
    'INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --',
  ],
  [
    '[row-parent-missing] a parent that is not found',
    'Name,Parent.External_Id__c\nA,nobody\n',
    'INVALID_FIELD:Foreign key external ID: nobody not found for field External_Id__c in entity Account:--',
  ],
  [
    '[row-owner-license] an owner whose license owns nothing',
    'Name,Owner.Username\nA,chatter@nightload.example\n',
    'OP_WITH_INVALID_USER_TYPE_EXCEPTION:Operation not valid for this user type:OwnerId --',
  ],
  [
    '[row-locked] a marker for a lock',
    'Name\nA [always locked]\n',
    'UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 200 records: 001000000000001AAA,001000000000002AAA:--',
  ],
  [
    '[row-access] a marker for no access',
    'Name\nA [no access]\n',
    'INSUFFICIENT_ACCESS_OR_READONLY:insufficient access rights on object id:--',
  ],
  [
    '[row-access] a marker for no access to a parent',
    'Name\nA [no access to parent]\n',
    'INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY:insufficient access rights on cross-reference id:--',
  ],
  [
    '[row-any-error] a marker for any error',
    'Name\nA [error QUERY_TIMEOUT: Your query request was running for too long.]\n',
    'QUERY_TIMEOUT:Your query request was running for too long.:--',
  ],
])('%s', async (_what, csv, error) => {
  expect(await errorsOf(csv)).toEqual([error]);
});

it('[row-picklist] accepts any value if a picklist is not restricted', async () => {
  const org = await openOrg();
  const { succeeded } = await org.load('Name,Type\nA,Reseller\nB,Whatever\n');
  expect(succeeded).toHaveLength(2);
});

it('[row-deserialize] names the type of every kind of field', async () => {
  const csv =
    'Name,NumberOfEmployees,Last_Audit__c,Active__c\n1,x,,\n2,1.5,,\n3,,yesterday,\n4,,,maybe\n5,9999999999,,\n';
  const types = (await errorsOf(csv)).map((error) => /xsd:(\w+):/.exec(error)?.[1]);
  expect(types).toEqual(['int', 'int', 'dateTime', 'boolean', 'int']);
  const date = await errorsOf('LastName,Birthdate\nA,never\n', { object: 'Contact' });
  expect(date[0]).toContain('xsd:date:Birthdate --');
});

it.each([
  [' ', 'LastName Company --'],
  [',', 'LastName,Company --'],
] as const)('[row-field-separator] separates several fields by "%s"', async (errorFieldSeparator, end) => {
  const org = await openOrg({ quirks: { errorFieldSeparator } });
  const { failed } = await org.load('Email\na@b.example\n', { object: 'Lead' });
  const error = `REQUIRED_FIELD_MISSING:Required fields are missing: [LastName, Company]:${end}`;
  expect(failed[0]?.['sf__Error']).toBe(error);
});

it('[row-id] distinguishes a missing, a malformed and an unknown id', async () => {
  const csv = 'Name,Id\n1,\n2,nobody\n3,001sm0000000099AAA\n';
  expect(await errorsOf(csv, { operation: 'update' })).toEqual([
    'MISSING_ARGUMENT:Id not specified in an update call:--',
    'MALFORMED_ID:malformed id nobody:--',
    'INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--',
  ]);
});

it('[row-key-missing] requires the key of an upsert', async () => {
  const error = 'MISSING_ARGUMENT:External_Id__c not specified:--';
  expect(await errorsOf('External_Id__c,Name\n,A\n', upsert)).toEqual([error]);
});

it('[row-deleted] refuses to change or delete a deleted record', async () => {
  const org = await openOrg();
  const ids = org.seedRecords('Account', [{ Name: 'A' }, { Name: 'B' }]);
  await org.load(`Id\n${ids.join('\n')}\n`, { operation: 'delete' });
  const again = await org.load(`Id\n${ids[0]}\n`, { operation: 'delete' });
  const update = await org.load(`Id,Name\n${ids[1]},C\n`, { operation: 'update' });
  expect([again, update].map(({ errors }) => errors)).toEqual([
    ['ENTITY_IS_DELETED:entity is deleted:--'],
    ['ENTITY_IS_DELETED:entity is deleted:--'],
  ]);
  const child = await org.load(`LastName,AccountId\nX,${ids[0]}\n`, { object: 'Contact' });
  expect(child.errors).toEqual(['ENTITY_IS_DELETED:entity is deleted:--']);
});

it('[row-deleted] hardDelete leaves nothing behind', async () => {
  const org = await openOrg();
  const [id] = org.seedRecords('Account', [{ Name: 'A' }]);
  await org.load(`Id\n${id}\n`, { operation: 'hardDelete' });
  expect(org.records('Account')).toEqual([]);
  const { errors } = await org.load(`Id\n${id}\n`, { operation: 'hardDelete' });
  expect(errors).toEqual(['INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--']);
});

describe('duplicates', () => {
  it('[row-duplicate-value] refuses a unique value that another record has', async () => {
    const org = await openOrg();
    const [id] = org.seedRecords('Account', [{ Name: 'A', External_Id__c: 'taken' }]);
    const { errors } = await org.load('Name,External_Id__c\nB,TAKEN\n');
    const text = `duplicate value found: External_Id__c duplicates value on record with id: ${id}`;
    expect(errors).toEqual([`DUPLICATE_VALUE:${text}:--`]);
  });

  it('[row-duplicate-value] distinguishes letter case if the field does', async () => {
    const org = await openOrg();
    const [id] = org.seedRecords('Account', [{ Name: 'A' }]);
    const { errors, succeeded } = await org.load(`Account__c,Number__c\n${id},a\n${id},A\n${id},a\n`, {
      object: 'Invoice__c',
    });
    expect([succeeded.length, errors.length]).toEqual([2, 1]);
  });

  it.each([
    ['chunk', 2],
    ['batch', 2],
    ['job', 3],
  ] as const)('[row-duplicate-key] with duplicateKeysWithin %s', async (duplicateKeysWithin, refused) => {
    const org = await openOrg({ quirks: { duplicateKeysWithin } });
    const rows = Array.from({ length: 10_001 }, (_, i) => `${[0, 1, 300].includes(i) ? 'Same' : `K${i}`},${i}`);
    // In the first 200, in the first 10,000, and after them.
    rows[1] = 'SAME,1';
    rows[10_000] = 'same,10000';
    const expected = duplicateKeysWithin === 'chunk' ? 1 : refused;
    const { failed } = await org.load(`External_Id__c,Name\n${rows.join('\n')}\n`, upsert);
    expect(failed).toHaveLength(expected);
    expect(failed.map((row) => row['sf__Error'])).toContain(
      'DUPLICATE_VALUE:Duplicate external id specified: SAME:External_Id__c --',
    );
  });

  it('[row-several-found] refuses a key that two records have', async () => {
    const org = await openOrg();
    const same = { LastName: 'X', Email: 'x@example.com' };
    const ids = org.seedRecords('Contact', [same, same]);
    const request = { object: 'Contact', operation: 'upsert', externalIdFieldName: 'Email' };
    const { errors } = await org.load('Email,LastName\nX@example.com,Y\n', request);
    const text = `Email: more than one record found for external id field: [${ids.join(', ')}]`;
    expect(errors).toEqual([`DUPLICATE_EXTERNAL_ID:${text}:Email --`]);
    const child = await org.load('LastName,ReportsTo.Email\nZ,x@example.com\n', { object: 'Contact' });
    expect(child.errors[0]).toMatch(/^INVALID_FIELD:.*matches more than one record/);
  });

  it('[row-duplicate-rule] applies a duplicate rule of the org', async () => {
    const org = await openOrg();
    const { errors } = await org.load('LastName,Company,Email\nA,C,a@b.example\nB,C,A@b.example\n', { object: 'Lead' });
    expect(errors).toEqual(['DUPLICATES_DETECTED:Use one of these records?:--']);
  });
});

describe('parents', () => {
  it('[row-parent-missing] fails the job instead if configured', async () => {
    const org = await openOrg({ quirks: { missingParent: 'job' } });
    const { info, unprocessed } = await org.load('Name,Parent.External_Id__c\nA,\nB,nobody\nC,\n');
    expect(info).toMatchObject({
      state: 'Failed',
      numberRecordsProcessed: 1,
      errorMessage:
        'InvalidBatch : Foreign key external ID: nobody not found for field External_Id__c in entity Account',
    });
    expect(unprocessed).toBe('Name,Parent.External_Id__c\nB,nobody\nC,\n');
  });

  it.each([
    ['unseen', 1],
    ['seen', 0],
  ] as const)('[row-own-parent] with parentsInSameChunk %s', async (parentsInSameChunk, refused) => {
    const org = await openOrg({ quirks: { parentsInSameChunk } });
    const csv = 'External_Id__c,Name,Parent.External_Id__c\nparent,A,\nchild,B,parent\n';
    const { failed } = await org.load(csv, upsert);
    expect(failed).toHaveLength(refused);
    expect((await org.load(csv, upsert)).failed).toHaveLength(0);
  });
});

describe('rules of the org', () => {
  it('[row-validation-rule] applies a validation rule', async () => {
    const org = await openOrg();
    const [id] = org.seedRecords('Account', [{ Name: 'A' }]);
    const { errors } = await org.load(`Account__c,Amount__c\n${id},-5\n`, { object: 'Invoice__c' });
    const text = 'The amount of an invoice cannot be negative.';
    expect(errors).toEqual([`FIELD_CUSTOM_VALIDATION_EXCEPTION:${text}:Amount__c --`]);
  });

  it('[row-lookup-filter] applies a lookup filter', async () => {
    const org = await openOrg();
    const [one, two] = org.seedRecords('Account', [{ Name: 'A' }, { Name: 'B' }]);
    const [contact] = org.seedRecords('Contact', [{ LastName: 'X', AccountId: String(one) }]);
    const csv = `Number__c,Account__c,Billing_Contact__c\n1,${one},${contact}\n2,${two},${contact}\n`;
    const { errors, succeeded } = await org.load(csv, { object: 'Invoice__c' });
    const text = 'Value does not exist or does not match filter criteria.';
    expect(succeeded).toHaveLength(1);
    expect(errors).toEqual([`FIELD_FILTER_VALIDATION_EXCEPTION:${text}:Billing_Contact__c --`]);
  });

  it('[row-converted-lead] refuses to change a converted lead', async () => {
    const org = await openOrg();
    const [id] = org.seedRecords('Lead', [{ LastName: 'L', Company: 'C', IsConverted: 'true' }]);
    const { errors } = await org.load(`Id,Company\n${id},D\n`, { object: 'Lead', operation: 'update' });
    expect(errors).toEqual(['CANNOT_UPDATE_CONVERTED_LEAD:cannot reference converted lead:--']);
  });

  it('[row-delete-failed] refuses to delete an account that has cases', async () => {
    const org = await openOrg();
    const [id] = org.seedRecords('Account', [{ Name: 'A' }]);
    org.seedRecords('Case', [{ Subject: 'Help', AccountId: String(id) }]);
    const { errors } = await org.load(`Id\n${id}\n`, { operation: 'delete' });
    expect(errors[0]).toMatch(/^DELETE_FAILED:.* associated with the following cases: 500\w{15}:--$/);
  });

  it('[row-storage-full] accepts no more records once storage is full', async () => {
    const clock = new Clock();
    // Two records that every org has from the start fit in addition to these four.
    const org = await openOrg({ now: clock.now, limits: { dataStorageMB: 0.012 } });
    const id = await org.create();
    await org.send(id, 'Name\n1\n2\n3\n');
    clock.pass(1);
    expect(await org.ended(id)).toMatchObject({ numberRecordsProcessed: 3, numberRecordsFailed: 1 });
    const { values } = org.records('Account')[0] ?? { values: new Map() };
    expect(values.get('Name')).toBe('1');
  });
});

describe('attempts', () => {
  it('[row-locked] accepts a row once its lock is gone, in another job too', async () => {
    const org = await openOrg();
    const rows = 'External_Id__c,Name\nA,one [locked once]\nB,two [locked twice]\n';
    const failures = [];
    for (let i = 0; i < 3; i++) failures.push((await org.load(rows, upsert)).failed.length);
    expect(failures).toEqual([2, 1, 0]);
  });

  it('[row-trigger] wraps a lock in the error of a trigger, with line breaks', async () => {
    const org = await openOrg();
    const rows = 'External_Id__c,Name\nA,one [trigger locked once]\nB,two [trigger fails]\n';
    const [lock = '', fault = ''] = (await org.load(rows, upsert)).errors;
    expect(lock).toMatch(/^CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:AccountTrigger: execution of BeforeUpdate\n/);
    expect(lock).toContain('UNABLE_TO_LOCK_ROW');
    expect(fault).toMatch(/^CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:.*/);
    expect(fault).not.toContain('LOCK');
    expect((await org.load(rows, upsert)).failed).toHaveLength(1);
  });

  it('[row-flow] wraps a lock in the error of a flow', async () => {
    const org = await openOrg();
    const rows = 'External_Id__c,Name\nA,one [flow locked once]\nB,two [flow fails]\n';
    const [lock = '', fault = ''] = (await org.load(rows, upsert)).errors;
    expect(lock).toMatch(/^CANNOT_EXECUTE_FLOW_TRIGGER:.*UNABLE_TO_LOCK_ROW: unable/);
    expect(fault).toMatch(/^CANNOT_EXECUTE_FLOW_TRIGGER:.*/);
    expect(fault).not.toContain('LOCK');
    expect((await org.load(rows, upsert)).failed).toHaveLength(1);
  });
});

it('[row-outcome] asks the rule of a test first', async () => {
  const org = await openOrg({
    rowOutcome: ({ Name }, { line, operation }) => (Name === 'B' ? `APEX_ERROR:${operation} ${line}:--` : undefined),
  });
  expect((await org.load('Name\nA\nB\n')).errors).toEqual(['APEX_ERROR:insert 2:--']);
});

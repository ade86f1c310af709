import { describe, expect, it } from 'vitest';
import { classify, mayPassUnchanged, parseRowError } from '../../../../src/domain/platform/row-errors.js';
import type { RowClass } from '../../../../src/domain/platform/row-errors.js';

const classOf = (text: string): RowClass => classify(parseRowError(text));

describe('parseRowError', () => {
  it.each([
    [
      'REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --',
      'REQUIRED_FIELD_MISSING',
      'Required fields are missing: [Name]',
      ['Name'],
    ],
    [
      'REQUIRED_FIELD_MISSING:Required fields are missing: [A, B]:A B --',
      'REQUIRED_FIELD_MISSING',
      'Required fields are missing: [A, B]',
      ['A', 'B'],
    ],
    ['DUPLICATE_VALUE:twice:A,B__c --', 'DUPLICATE_VALUE', 'twice', ['A', 'B__c']],
    ['DUPLICATE_VALUE:twice:A, Owner.Email --', 'DUPLICATE_VALUE', 'twice', ['A', 'Owner.Email']],
    ['ENTITY_IS_DELETED:entity is deleted:--', 'ENTITY_IS_DELETED', 'entity is deleted', []],
    ['ENTITY_IS_DELETED:entity is deleted:--\n', 'ENTITY_IS_DELETED', 'entity is deleted', []],
    [
      'UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 200 records: 001A0000,a0B00001:--',
      'UNABLE_TO_LOCK_ROW',
      'unable to obtain exclusive access to this record or 200 records: 001A0000,a0B00001',
      [],
    ],
    [
      "INVALID_FIELD:Failed to deserialize field at col 3. Due to, '1:2' is not a valid value for the type xsd:date:CloseDate --",
      'INVALID_FIELD',
      "Failed to deserialize field at col 3. Due to, '1:2' is not a valid value for the type xsd:date",
      ['CloseDate'],
    ],
    ['APEX_ERROR:before -- after: done:--', 'APEX_ERROR', 'before -- after: done', []],
    [
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:First\r\nsecond: third\nfourth:Status__c --',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'First\r\nsecond: third\nfourth',
      ['Status__c'],
    ],
    [
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:Reason: too old --',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'Reason: too old',
      [],
    ],
    [
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:see http://intranet/rules --',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'see http://intranet/rules',
      [],
    ],
    [
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:Closed since May:Please call us --',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'Closed since May:Please call us',
      [],
    ],
    [
      'DUPLICATE_VALUE:twice:ns__Code__c, Parent__r.Key__c --',
      'DUPLICATE_VALUE',
      'twice',
      ['ns__Code__c', 'Parent__r.Key__c'],
    ],
    ['UNABLE_TO_LOCK_ROW:no fields, no dashes', 'UNABLE_TO_LOCK_ROW', 'no fields, no dashes', []],
    ['UNABLE_TO_LOCK_ROW', 'UNABLE_TO_LOCK_ROW', '', []],
    [
      'TooManyLockFailure:Too many lock failure 200 Trying again later.:--',
      'TooManyLockFailure',
      'Too many lock failure 200 Trying again later.',
      [],
    ],
  ])('reads %j', (raw, code, message, fields) => {
    expect(parseRowError(raw)).toEqual({ code, message, fields, raw });
  });

  it.each([
    '',
    '   ',
    'something went wrong',
    'Something: went wrong --',
    'Error:Name --',
    ':Name --',
    'Two WORDS:x:--',
  ])('finds no code in %j', (raw) => {
    const parsed = parseRowError(raw);
    expect(parsed.code).toBeUndefined();
    expect(parsed.fields).toEqual([]);
    expect(parsed.raw).toBe(raw);
    expect(classify(parsed)).toBe('unknown');
  });

  it('keeps a message without a code whole', () => {
    expect(parseRowError(' Something: went wrong --').message).toBe('Something: went wrong');
  });
});

describe('classify', () => {
  const expected: Record<RowClass, string[]> = {
    transient: [
      'UNABLE_TO_LOCK_ROW',
      'TooManyLockFailure',
      'SERVER_UNAVAILABLE',
      'QUERY_TIMEOUT',
      'REQUEST_RUNNING_TOO_LONG',
      'API_TEMPORARILY_UNAVAILABLE',
    ],
    'order-dependent': ['INVALID_CROSS_REFERENCE_KEY'],
    data: [
      'REQUIRED_FIELD_MISSING',
      'STRING_TOO_LONG',
      'INVALID_EMAIL_ADDRESS',
      'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
      'INVALID_FIELD',
      'INVALID_TYPE_ON_FIELD_IN_RECORD',
      'NUMBER_OUTSIDE_VALID_RANGE',
      'FIELD_INTEGRITY_EXCEPTION',
      'FIELD_FILTER_VALIDATION_EXCEPTION',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'MALFORMED_ID',
      'MISSING_ARGUMENT',
      'DUPLICATE_VALUE',
      'DUPLICATE_EXTERNAL_ID',
      'DUPLICATES_DETECTED',
      'DUPLICATE_KEY_IN_FILE',
      'INCOMPLETE_RESULT_ROW',
    ],
    'already-done': ['ENTITY_IS_DELETED'],
    business: [
      'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
      'CANNOT_EXECUTE_FLOW_TRIGGER',
      'APEX_ERROR',
      'CANNOT_UPDATE_CONVERTED_LEAD',
    ],
    permanent: [
      'INSUFFICIENT_ACCESS_OR_READONLY',
      'INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY',
      'INVALID_FIELD_FOR_INSERT_UPDATE',
      'CANNOT_CASCADE_PRODUCT_ACTIVE',
      'CANNOT_DO_SOMETHING_NEW',
      'OP_WITH_INVALID_USER_TYPE_EXCEPTION',
      'DELETE_FAILED',
      'TRANSFER_REQUIRES_READ',
      'LIMIT_EXCEEDED',
    ],
    stop: ['STORAGE_LIMIT_EXCEEDED'],
    unknown: ['UNKNOWN_EXCEPTION', 'SOME_NEW_CODE', 'CANNOTE', 'CONSTRUCTOR'],
  };
  const pairs = Object.entries(expected).flatMap(([rowClass, codes]) => codes.map((code) => [code, rowClass] as const));

  it.each(pairs)('%s is %s', (code, rowClass) => {
    expect(classOf(`${code}:some message:--`)).toBe(rowClass);
  });

  it('retries only transient errors and missing parents', () => {
    const again = (Object.keys(expected) as RowClass[]).filter((rowClass) => mayPassUnchanged(rowClass, 'upsert'));
    expect(again).toEqual(['transient', 'order-dependent']);
    expect(mayPassUnchanged('order-dependent', 'delete')).toBe(false);
    expect(mayPassUnchanged('order-dependent', 'hardDelete')).toBe(false);
    expect(mayPassUnchanged('transient', 'delete')).toBe(true);
  });

  it('distinguishes a missing parent from an invalid value', () => {
    const parent = 'INVALID_FIELD:Foreign key external ID: x-1 not found for field Ext__c in entity Account:--';
    const value =
      "INVALID_FIELD:Failed to deserialize field at col 3. Due to, 'x' is not a valid value for the type xsd:double:Amount --";
    expect(classOf(parent)).toBe('order-dependent');
    expect(classOf(value)).toBe('data');
  });

  it.each([
    [
      'AccountTrigger: execution of AfterUpdate\n\ncaused by: System.DmlException: Update failed. First exception on row 0 with id 001000000000001; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record: []\n\n(): ',
      'transient',
    ],
    ['ns.Rollup: System.LimitException: ns:Apex CPU time limit exceeded', 'transient'],
    ['Rollup: System.CalloutException: Read timed out', 'transient'],
    [
      'AccountTrigger: execution of BeforeUpdate\n\ncaused by: System.NullPointerException: Attempt to de-reference a null object',
      'business',
    ],
    ['SessionTimeoutCheck: execution of BeforeUpdate\n\ncaused by: Timeout__c must be positive', 'business'],
  ])('reads the error inside the trigger error %j', (message, rowClass) => {
    expect(classOf(`CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:${message}:--`)).toBe(rowClass);
  });

  describe('of a wrapped error is that of the inner error', () => {
    const WRAPPERS = [
      'CANNOT_EXECUTE_FLOW_TRIGGER',
      'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
      'CANNOT_DO_SOMETHING_NEW',
      'APEX_ERROR',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'UNKNOWN_EXCEPTION',
      'SOME_NEW_CODE',
    ];
    it.each([
      "We can't save this record because the “Rollup” process failed. This error occurred when the flow tried to update records: UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or 1 records: 001000000000001AAA.",
      'Update failed. First exception on row 0; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record: []',
      'Unable to obtain exclusive access to this record',
      'ConcurrentRequests (Concurrent API Requests) Limit exceeded.',
      'System.LimitException: ConcurrentPerOrgLongTxn Limit exceeded.',
      'ConcurrentPerOrgApex Limit exceeded',
      'API_TEMPORARILY_UNAVAILABLE: try again later',
      'System.QueryException: QUERY_TIMEOUT, Your query request was running for too long.',
      'Rollup: System.LimitException: ns:Apex CPU time limit exceeded',
      'System.DmlException: SERVER_UNAVAILABLE, server too busy',
      'System.CalloutException: Read timed out',
    ])('%s is transient in all of them', (message) => {
      expect(WRAPPERS.map((code) => classOf(`${code}:${message}:--`))).toEqual(WRAPPERS.map(() => 'transient'));
      // Without a code too.
      expect(classOf(`something: ${message}`)).toBe('transient');
    });

    it.each([
      'Please lock the row before the query limit is exceeded by the CPU of Apex',
      'Concurrent licences: limit exceeded',
      'ConcurrentUsers__c must be below the Limit',
      'The limit exceeded by Concurrent contracts is 5',
      'Server unavailable for maintenance is no valid Status',
      'My_UNABLE_TO_LOCK_ROWS is not a number',
      'Timeout__c must be set',
      '',
    ])('%j contains no transient error', (message) => {
      expect(WRAPPERS.map((code) => classOf(`${code}:${message}:--`))).toEqual([
        'business',
        'business',
        'permanent',
        'business',
        'data',
        'unknown',
        'unknown',
      ]);
    });

    it.each([
      'STRING_TOO_LONG:Account Name: data value too large: UNABLE_TO_LOCK_ROW (max length=3):Name --',
      'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Rating: bad value for restricted picklist field: QUERY_TIMEOUT:Rating --',
    ])('a value quoted in an error is not a reason: %s', (text) => {
      expect(classOf(text)).toBe('data');
    });
  });
});

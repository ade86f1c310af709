/** The meaning of a job that failed as a whole, and the advice for it. */
import { describe, expect, it } from 'vitest';
import { needsPerson, remedyFor } from '../../../../../src/workflows/job/finish/failure-advice.js';

describe('a job that failed as a whole with nothing applied', () => {
  it.each([
    'InternalServerError : An unexpected error occurred. Please include this ErrorId',
    'TooManyLockFailure : Too many lock failure 200 Trying again later',
    'Unknown : Batch processing was retried more than 20 times',
    'Retried more than ten times',
    'SERVER_UNAVAILABLE : server too busy',
    'ServerUnavailable',
    'Timeout : ExceededTimeout',
    'TIMEOUT',
    'InvalidSessionId : Session expired or invalid',
    'API_TEMPORARILY_UNAVAILABLE : try later',
    // The outer error does not decide.
    'InvalidBatch : UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record',
    'ClientInputError : ConcurrentPerOrgLongTxn Limit exceeded.',
    'What nobody has ever seen',
    '',
    undefined,
  ])('is sent again for a reason that may be transient: %j', (message) => {
    expect(needsPerson(message)).toBe(false);
  });

  it.each([
    'InvalidBatch : Field name not found : Nope__c',
    'InvalidBatch : Anything else',
    'INVALIDBATCH : Anything else',
    'INVALID_BATCH',
    'Field name not found : Nope__c. Batch will not be retried.',
    'InvalidBatch : Field name not found : Timeout__c',
    "InvalidBatch : The 'delete' batch must contain only ids.",
    'ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF',
    'FeatureNotEnabled : hardDelete operation requires special user profile permission',
    'InvalidJob : Unable to find object: Nope__c',
    'InvalidUser : no',
    'LineEnding is invalid on user data',
  ])('needs a person if the platform reports the reason: %s', (message) => {
    expect(needsPerson(message)).toBe(true);
  });
});

describe("a name in the platform's text", () => {
  it.each([
    ['Foo__c', 'Foo__c'],
    ['Foo__c. Batch will not be retried.', 'Foo__c'],
    ['Foo__c.', 'Foo__c'],
    ['Foo__c Batch will not be retried', 'Foo__c'],
    ['Foo__c for the object Account', 'Foo__c'],
    ['Foo__c; see the log', 'Foo__c'],
    ['Foo__c\nBatch 3', 'Foo__c'],
    ['ns__Foo__c. Batch will not be retried.', 'ns__Foo__c'],
    ['Parent__r.ns__Key__c. Batch will not be retried.', 'Parent__r.ns__Key__c'],
    ['Owner.Email. Batch will not be retried.', 'Owner.Email'],
    ['Lead:Who.Email. Batch will not be retried.', 'Lead:Who.Email'],
    ['Nope. Batch will not be retried.', 'Nope'],
    ['Nope (batch will not be retried)', 'Nope'],
    ['Account Name', 'Account Name'],
    ['Account Name. Batch will not be retried.', 'Account Name'],
    ['No. of Employees. Batch will not be retried.', 'No. of Employees'],
    ['Amount (USD)', 'Amount (USD)'],
    ['Name|Phone', 'Name|Phone'],
    ['Foo__c|Bar__c', 'Foo__c|Bar__c'],
  ])('ends where the sentence continues: %j', (text, name) => {
    for (const start of ['InvalidBatch : ', '']) {
      const remedy = remedyFor(`${start}Field name not found : ${text}`);
      expect(remedy).toContain(` "${name}" is not a field`);
      expect(remedy).toContain(`--map '${name}=Api_Name__c'`);
      expect(remedy).toContain(`--map '${name}=' leaves`);
    }
    expect(remedyFor(`InvalidBatch : Unable to find relationship: ${text}`)).toContain(
      ` "${name}" is not a relationship`,
    );
  });

  it('is absent if the header has a title without letters', () => {
    expect(remedyFor('InvalidBatch : Field name not found : ')).toContain('`error.detail` in report.json names it');
  });
});

/** Reasons of failed jobs in histories: without values that the platform repeats, and with the same decisions. */
import { describe, expect, it } from 'vitest';
import { saysItPasses } from '../../../../src/domain/platform/row-errors.js';
import { jobReason, OTHER_REASON } from '../../../../src/domain/platform/job-reasons.js';
import { needsPerson } from '../../../../src/workflows/job/finish/failure-advice.js';

const QUOTA = /ExceededQuota|ApiBatchItems/i;

const TEXTS: [string, string][] = [
  [
    'InvalidBatch : Field name not found : Nope__c. Batch will not be retried.',
    'InvalidBatch : Field name not found : Nope__c',
  ],
  ['InvalidBatch : Field name not found : Jane Doe', 'InvalidBatch : Field name not found'],
  ['InvalidBatch : Field name not found : ns__Foo__c|x', 'InvalidBatch : Field name not found'],
  ["InvalidBatch : The 'delete' batch must contain only ids. 4711", 'InvalidBatch : must contain only ids'],
  [
    'ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF',
    'ClientInputError : LineEnding is invalid',
  ],
  ['ExceededQuota : ApiBatchItems Limit exceeded.', 'ExceededQuota : ApiBatchItems, Limit exceeded'],
  ['TooManyLockFailure : Too many lock failure 200 Trying again later', 'TooManyLockFailure : Too many lock failure'],
  ['INVALID_BATCH', 'InvalidBatch'],
  ['STORAGE_LIMIT_EXCEEDED:storage limit exceeded', 'STORAGE_LIMIT_EXCEEDED : Limit exceeded'],
  ['InvalidBatch : UNABLE_TO_LOCK_ROW, unable to obtain 001x', 'InvalidBatch : UNABLE_TO_LOCK_ROW'],
  [
    'ClientInputError : ConcurrentJaneDoe Limit exceeded.',
    'ClientInputError : Limit exceeded, ConcurrentRequests Limit exceeded',
  ],
  ['Jane Doe : secret', OTHER_REASON],
  ['JANE : secret', OTHER_REASON],
  ['What nobody has ever seen', OTHER_REASON],
];

describe('a reason', () => {
  it.each(TEXTS)('%s', (text, told) => {
    expect(jobReason(text)).toBe(told);
    // Decisions based on it stay the same.
    expect(needsPerson(told)).toBe(needsPerson(text));
    expect(saysItPasses(told)).toBe(saysItPasses(text));
    expect(QUOTA.test(told)).toBe(QUOTA.test(text));
    expect(jobReason(told)).toBe(told === OTHER_REASON ? OTHER_REASON : told);
  });

  it('is undefined without a text', () => {
    expect(jobReason(undefined)).toBeUndefined();
    expect(jobReason(' ')).toBeUndefined();
  });
});

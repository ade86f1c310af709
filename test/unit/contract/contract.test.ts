import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TASK_QUEUE,
  LOAD_ID_PATTERN,
  OPERATIONS,
  RESULT_MEMO,
  SEARCH_ATTRIBUTES,
  WORKFLOW_ID_PREFIX,
} from '../../../src/contract/names.js';
import { MAX_LISTED_JOBS } from '../../../src/contract/load-result.js';
import { isTerminal } from '../../../src/domain/platform/job-states.js';

describe('the contract', () => {
  it('has the public names', () => {
    expect(DEFAULT_TASK_QUEUE).toBe('nightload');
    expect(WORKFLOW_ID_PREFIX).toBe('bulk-load/');
    expect(RESULT_MEMO).toBe('nightloadResult');
    expect(MAX_LISTED_JOBS).toBe(200);
    expect([...OPERATIONS].sort()).toEqual(['delete', 'hardDelete', 'insert', 'update', 'upsert']);
    expect(SEARCH_ATTRIBUTES).toEqual({
      NightloadObject: 'KEYWORD',
      NightloadOperation: 'KEYWORD',
      NightloadConnection: 'KEYWORD',
      NightloadPhase: 'KEYWORD',
      NightloadRejected: 'INT',
      NightloadJobIds: 'KEYWORD_LIST',
    });
  });

  it.each([
    ['Open', false],
    ['UploadComplete', false],
    ['InProgress', false],
    ['JobComplete', true],
    ['Failed', true],
    ['Aborted', true],
    ['', false],
    ['jobcomplete', false],
    ['A state of a later version', false],
  ])('a job in state %j has ended: %s', (state, ended) => {
    expect(isTerminal(state)).toBe(ended);
  });

  it.each([
    ['a', true],
    ['Account-upsert-0123456789abcdef', true],
    ['2026-07-01_a.b', true],
    ['x'.repeat(200), true],
    ['x'.repeat(201), false],
    ['', false],
    ['a/b', false],
    ['a b', false],
    ['a\n', false],
    ['ä', false],
  ])('a load may have the id %j: %s', (id, allowed) => {
    expect(LOAD_ID_PATTERN.test(id)).toBe(allowed);
  });
});

/** Invalid input from callers in other languages, scripts with unset variables and typing errors. */
import { ActivityFailure, ChildWorkflowFailure, RetryState, TimeoutFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { toInput } from '../../../../src/cli/shared/input/load-input.js';
import { parseShare } from '../../../../src/cli/shared/input/load-options.js';
import { toLoadError } from '../../../../src/domain/failures.js';
import { resolveInput } from '../../../../src/domain/input/resolve-input.js';
import { nextPollDelay } from '../../../../src/workflows/job/poll/poll-delay.js';

const least = { source: 'file:///a.csv', object: 'Account', operation: 'upsert', externalIdFieldName: 'Ext__c' };
const resolve = (more: object) => resolveInput({ ...least, ...more } as never, 'bulk-load/night-1');
const invalid = expect.objectContaining({ code: 'INVALID_INPUT' }) as Error;
const invalidArgument = expect.objectContaining({ code: 'commander.invalidArgument' }) as Error;

it.each(['', ' ', '%', ' % '])('parseShare refuses %j', (text) => {
  expect(() => parseShare(text)).toThrow(invalidArgument);
});

it('null counts as no load id and no external id', () => {
  expect.soft(() => resolve({ externalIdFieldName: null })).toThrow(invalid);
  let loadId: unknown = 'refused';
  try {
    loadId = resolve({ loadId: null }).loadId;
  } catch {
    // A refusal would be correct too.
  }
  expect(['refused', 'night-1']).toContain(loadId);
});

it.each([{ output: 5 }, { source: null }])('refuses %j with INVALID_INPUT', (more) => {
  expect(() => resolve(more)).toThrow(invalid);
});

it('an interval of 0 never causes a loop without a wait', () => {
  let initialMs = 1;
  try {
    initialMs = resolve({ poll: { initialInterval: 0 } }).poll.initialMs;
  } catch {
    // A refusal would be correct.
  }
  const plan = { initialMs, coefficient: 100, maximumMs: 300_000, settleMs: 1 };
  for (const count of [0, 50, 500]) {
    expect
      .soft(nextPollDelay(plan, { startedAt: 0, total: 9, samples: [], count }, { now: 0, random: 0 }))
      .toBeGreaterThan(0);
  }
});

it('an s3: URI on the command line is not treated as a folder named "s3:"', () => {
  const { source } = toInput('s3://bucket/x.csv', { object: 'Account', operation: 'insert' });
  expect(source).toBe('s3://bucket/x.csv');
});

it('a step of a child that timed out keeps its code', () => {
  const timeout = new TimeoutFailure('activity StartToClose timeout', undefined, 'START_TO_CLOSE');
  const activity = new ActivityFailure('x', 'uploadPart', '5', RetryState.TIMEOUT, undefined, timeout);
  const child = new ChildWorkflowFailure(
    'default',
    { workflowId: 'w', runId: 'r' },
    'ingestJob',
    RetryState.TIMEOUT,
    activity,
  );
  expect(toLoadError(activity).code).toBe('STEP_TIMED_OUT');
  expect(toLoadError(child).code).toBe('STEP_TIMED_OUT');
});

it.each([
  { part: { maxConcurrent: 1.5 } },
  { part: { maxBytes: 5_000.5 } },
  { retry: { maxRounds: 2.5 } },
  { priority: 2.5 },
  { poll: { initialIntervall: '1s' } },
  { poll: '5s' },
])('refuses %j', (more) => {
  expect(() => resolve(more)).toThrow(invalid);
});

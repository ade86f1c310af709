import { expect, it } from 'vitest';
import { isAlike, queryFor } from '../../../../src/activities/notify/previous-end.js';

it('compares ids without their digits', () => {
  expect(isAlike('bulk-load/accounts-2026-11-30', 'bulk-load/accounts-2026-12-1')).toBe(true);
  expect(isAlike('bulk-load/accounts-2026-11-30', 'bulk-load/contacts-2026-11-30')).toBe(false);
});

it('asks for the loads of the schedule, or with the same beginning of the id', () => {
  expect(queryFor({ schedule: "it's", workflowId: 'bulk-load/a-1' })).toMatch(/ AND TemporalScheduledById = 'it\\'s'$/);
  expect(queryFor({ workflowId: "bulk-load/a'b-1" })).toMatch(/ AND WorkflowId STARTS_WITH 'bulk-load\/a\\'b-'$/);
});

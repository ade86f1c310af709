import { expect, it } from 'vitest';
import { absentQuery, dueTime, isAlike, queryFor } from '../../../../src/activities/notify/previous-end.js';

it('compares ids without their digits', () => {
  expect(isAlike('bulk-load/accounts-2026-11-30', 'bulk-load/accounts-2026-12-1')).toBe(true);
  expect(isAlike('bulk-load/accounts-2026-11-30', 'bulk-load/contacts-2026-11-30')).toBe(false);
});

it('reads when a scheduled workflow was due from its id', () => {
  expect(dueTime('bulk-load/nightly-2026-11-30T02:00:00Z')).toBe(Date.UTC(2026, 10, 30, 2));
  expect(dueTime('bulk-load/nightly-2026-13-30T02:00:00Z')).toBeUndefined();
  expect(dueTime('bulk-load/nightly')).toBeUndefined();
});

it('asks for the loads of the schedule, or with the same beginning of the id', () => {
  expect(queryFor({ schedule: "it's", workflowId: 'bulk-load/a-1' })).toMatch(/ AND TemporalScheduledById = 'it\\'s'$/);
  expect(queryFor({ workflowId: "bulk-load/a'b-1" })).toMatch(/ AND WorkflowId STARTS_WITH 'bulk-load\/a\\'b-'$/);
});

it('asks for messages about runs that did not begin since the load before', () => {
  const told =
    "WorkflowType = 'sendNotifications' AND WorkflowId STARTS_WITH 'nightload-schedules/q/notStarted/it\\'s/'";
  expect(absentQuery("it's", 'q', undefined)).toBe(told);
  expect(absentQuery("it's", 'q', 0)).toBe(`${told} AND StartTime > '1970-01-01T00:00:00.000Z'`);
});

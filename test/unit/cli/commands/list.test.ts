import { describe, expect, it } from 'vitest';
import { listedState, listQuery } from '../../../../src/cli/commands/list.js';

const NOW = Date.parse('2026-11-29T06:00:00Z');
const LOADS = "WorkflowType = 'bulkLoad' AND ExecutionStatus != 'ContinuedAsNew'";

describe('the query of a list', () => {
  it.each([
    [{}, ''],
    [{ state: listedState('failed') }, " AND ExecutionStatus = 'Failed'"],
    [{ state: listedState('CompletedWithRejects') }, " AND ExecutionStatus = 'Completed'"],
    [{ object: 'Invoice__c' }, " AND NightloadObject = 'Invoice__c'"],
    [{ since: '12h' }, " AND StartTime >= '2026-11-28T18:00:00.000Z'"],
    [{ since: '2026-11-28T20:00+02:00' }, " AND StartTime >= '2026-11-28T18:00:00.000Z'"],
    [{ since: '2026-11-28' }, " AND StartTime >= '2026-11-28T00:00:00.000Z'"],
  ])('for %j', (options, more) => {
    expect(listQuery(options, NOW)).toBe(LOADS + more);
  });

  it.each([
    [{ object: "x' OR 1=1" }, '--object is "x\' OR 1=1"; it must be an sObject API name'],
    [{ since: 'yesterday' }, '--since is "yesterday"; write a duration such as 24h or 7d'],
    [{ since: '2027-01-01' }, '--since is "2027-01-01"; write a duration'],
    [{ since: '-1h' }, '--since is "-1h"; write a duration'],
  ])('refuses %j', (options, message) => {
    expect(() => listQuery(options, NOW)).toThrow(message);
  });

  it('refuses an unknown state', () => {
    const message = '--state is "done"; it must be one of Running, Completed, CompletedWithRejects, Failed,';
    expect(() => listedState('done')).toThrow(message);
  });
});

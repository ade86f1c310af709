import { expect, it, describe } from 'vitest';
import { matchingTargets, waitThresholds } from '../../../src/notify/rules.js';
import type { RuleFacts } from '../../../src/notify/rules.js';
import type { RecordCounts } from '../../../src/contract/load-result.js';
import type { NotifyRule } from '../../../src/notify/settings.js';
import { matchesPattern } from '../../../src/domain/text/wildcard.js';

const FACTS: RuleFacts = { event: 'failed', loadId: 'nightly-2026-11-30', object: 'Account', connection: 'default' };
const records = (rejected: number, unprocessed = 0): RecordCounts => ({
  total: 100,
  succeeded: 100 - rejected - unprocessed,
  rejected,
  unprocessed,
  unaccounted: 0,
});
const rule = (more: Partial<NotifyRule> = {}): NotifyRule => ({ when: ['failed'], to: ['ops'], ...more });
const takes = (one: NotifyRule, facts: Partial<RuleFacts> = {}): boolean =>
  matchingTargets([one], { ...FACTS, ...facts }).length > 0;

describe('matching targets', () => {
  it('names each target once, in the order of the rules', () => {
    const rules = [rule({ to: ['mail', 'ops'] }), rule({ to: ['ops', 'chat'] }), rule({ when: ['late'], to: ['x'] })];
    expect(matchingTargets(rules, FACTS)).toEqual(['mail', 'ops', 'chat']);
  });

  it.each<[string, Partial<NotifyRule>, Partial<RuleFacts>, boolean]>([
    ['no filter', {}, {}, true],
    ['another event', { when: ['late', 'waiting'] }, {}, false],
    ['the object in another letter case', { objects: ['Contact', 'ACCOUNT'] }, {}, true],
    ['another object', { objects: ['Contact'] }, {}, false],
    ['the connection', { connections: ['default'] }, {}, true],
    ['another connection', { connections: ['apac', 'Default'] }, {}, false],
    ['the schedule', { schedules: ['nightly'] }, { schedule: 'nightly' }, true],
    ['another schedule', { schedules: ['nightly'] }, { schedule: 'hourly' }, false],
    ['a load without a schedule', { schedules: ['nightly'] }, {}, false],
    ['a pattern of ids', { ids: ['x', 'nightly-*'] }, {}, true],
    ['a part of an id is not the id', { ids: ['nightly'] }, {}, false],
    ['all filters together', { objects: ['Account'], ids: ['nightly-*'], connections: ['apac'] }, {}, false],
  ])('%s', (_name, filters, facts, expected) => {
    expect(takes(rule(filters), facts)).toBe(expected);
  });

  it('takes rejected rows from the threshold on, unprocessed ones included', () => {
    const one = rule({ when: ['rejected', 'failed'], rejectedAtLeast: 10 });
    expect(takes(one, { event: 'rejected', records: records(9) })).toBe(false);
    expect(takes(one, { event: 'rejected', records: records(10) })).toBe(true);
    expect(takes(one, { event: 'rejected', records: records(4, 6) })).toBe(true);
    expect(takes(one, { event: 'rejected' })).toBe(true);
    // The threshold is about rejected rows only.
    expect(takes(one, { event: 'failed', records: records(0) })).toBe(true);
  });
});

describe('waits', () => {
  const rules = [
    rule({ when: ['waiting'], to: ['a'] }),
    rule({ when: ['waiting'], to: ['b'], waitingLonger: 1_800_000 }),
    rule({ when: ['waiting'], to: ['c'], waitingLonger: 60_000, objects: ['Contact'] }),
    rule({ when: ['failed'], to: ['d'], waitingLonger: 1_000 }),
  ];

  it('are worth a message after the times of the rules for this load', () => {
    expect(waitThresholds(rules, FACTS)).toEqual([600_000, 1_800_000]);
    expect(waitThresholds(rules, { ...FACTS, object: 'contact' })).toEqual([60_000, 600_000, 1_800_000]);
    expect(waitThresholds([rule()], FACTS)).toEqual([]);
  });

  it('reach each rule once, at its own time', () => {
    const at = (waitedMs: number): string[] => matchingTargets(rules, { ...FACTS, event: 'waiting', waitedMs });
    expect(waitThresholds(rules, FACTS).map(at)).toEqual([['a'], ['b']]);
    expect(at(600_001)).toEqual([]);
    expect(matchingTargets(rules, { ...FACTS, event: 'waiting' })).toEqual([]);
  });

  it('are at most ten', () => {
    const many = Array.from({ length: 15 }, (_, i) => rule({ when: ['waiting'], waitingLonger: (15 - i) * 1_000 }));
    expect(waitThresholds(many, FACTS)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((s) => s * 1_000));
  });
});

describe('patterns', () => {
  it.each([
    ['', '', true],
    ['', '*', true],
    ['a', '', false],
    ['abc', 'a*', true],
    ['abc', '*c', true],
    ['abc', '*b', false],
    ['abc', 'a?c', true],
    ['ac', 'a?c', false],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['aXbXc', 'a*X?', true],
    ['nightly-accounts-7', '*-*-?', true],
  ])('%j fits %j: %s', (text, pattern, expected) => {
    expect(matchesPattern(text, pattern)).toBe(expected);
  });

  it('take no long time', () => {
    const begin = performance.now();
    expect(matchesPattern('a'.repeat(200), `${'*a'.repeat(900)}b`)).toBe(false);
    expect(matchesPattern('a'.repeat(200), `${'a*'.repeat(50)}b`)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

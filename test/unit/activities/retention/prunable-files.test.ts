/** Which files of a result folder may go: decided without a disk and without Temporal. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../../src/activities/retention/prunable-files.js';
import type { LoadState } from '../../../../src/activities/retention/prunable-files.js';

const BEFORE = 1_000_000;
const OLD = 500_000;

const PROOF = [
  'run-1a2b3c4d/first/plan.json',
  'run-1a2b3c4d/first/part-00001/job.json',
  'run-1a2b3c4d/round-1/part-00002/job.json',
  'run-1a2b3c4d/known-jobs/750000000000001AAA',
];
const WORK = [
  'run-1a2b3c4d/rows.csv',
  'run-1a2b3c4d/first/part-00001/succeeded.csv',
  'run-1a2b3c4d/first/.0b8c5a2e.tmp',
  'run-1a2b3c4d/notes.json',
];
const RESULTS = [
  ...['rejected.csv', 'unprocessed.csv', 'changes.csv', 'succeeded-with-source.csv', 'rejected-for-people.csv'],
  ...['earlier/5e6f7a8b/rejected.csv', 'earlier-0a1b2c3d/5e6f7a8b/changes.csv-0a1b2c3d'],
  ...['report.html', 'earlier/5e6f7a8b/report.html'],
];
const SUMMARY = 'run-1a2b3c4d/report-5e6f7a8b.json';
const STAYS = ['.nightload-owner', 'report.json', SUMMARY, 'earlier/5e6f7a8b/report.json'];
const PEOPLES = ['notes.txt', 'rejected-fixed.csv', 'sub/rejected.csv', 'earlier/a/b/rejected.csv', 'my-run-1/x.csv'];
const ALL = [...PROOF, ...WORK, ...RESULTS, ...STAYS, ...PEOPLES];

function removed(
  state: LoadState,
  names: readonly string[],
  modifiedMs: (name: string) => number = () => OLD,
): unknown {
  const files = names.map((name) => ({ path: name.split('/'), bytes: 1, modifiedMs: modifiedMs(name) }));
  const decision = decide(state, files, BEFORE);
  return 'keep' in decision ? decision.keep : decision.remove.map(({ path }) => path.join('/')).sort();
}
const ended: LoadState = { state: 'ended', at: OLD };

describe('of a load that Temporal knows', () => {
  it('nothing goes while it runs, whatever the age', () => {
    expect(removed({ state: 'running' }, ALL)).toBe('running');
  });

  it('rows go after its end, what proves that a part was sent stays', () => {
    expect(removed(ended, ALL)).toEqual([...WORK, ...RESULTS].sort());
  });

  it('nothing goes if it ended too recently, to the millisecond', () => {
    expect(removed({ state: 'ended', at: BEFORE }, ALL)).toBe('recent');
    expect(removed({ state: 'ended', at: BEFORE - 1 }, ALL)).toHaveLength(WORK.length + RESULTS.length);
  });

  it('nothing goes if one of its files is newer, as after a reset; files of people do not count', () => {
    for (const name of [...PROOF, ...WORK, ...RESULTS, SUMMARY, 'report.json']) {
      expect(removed(ended, ALL, (one) => (one === name ? BEFORE : OLD))).toBe('recent');
    }
    expect(removed(ended, ALL, (one) => (PEOPLES.includes(one) ? BEFORE : OLD))).not.toBe('recent');
  });
});

describe('of a load that Temporal no longer knows', () => {
  it('the files themselves must be old', () => {
    expect(removed({ state: 'forgotten' }, ALL, () => BEFORE)).toBe('recent');
  });

  it('proof of the parts goes too: no workflow is left that could send them', () => {
    expect(removed({ state: 'forgotten' }, ALL)).toEqual([...PROOF, ...WORK, ...RESULTS].sort());
  });
});

it.each([ended, { state: 'forgotten' } as const])('a run without counts stays whole: %j', (state) => {
  const second = ALL.filter((name) => name.startsWith('run-') && name !== SUMMARY).map((name) =>
    name.replace('1a2b3c4d', '99999999'),
  );
  expect(removed(state, [...ALL, ...second])).toEqual(removed(state, ALL));
  expect(removed(state, second)).toEqual([]);
});

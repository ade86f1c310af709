/** Label values from inputs are bounded, and repeated events count once. */
import { noopMetricMeter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { CountedEvents, LABELS, LabelValues, OTHER } from '../../../src/activities/metrics.js';
import { Recorder } from '../../../src/domain/metrics.js';

it('a label has a limited number of values', () => {
  const values = new LabelValues(/^\w+$/, 3);
  expect(['a', 'b', 'c', 'd', 'a'].map((value) => values.of(value))).toEqual(['a', 'b', 'c', OTHER, 'a']);
});

it.each([
  ['object', 'Account', 'Account'],
  ['object', 'x'.repeat(81), OTHER],
  ['object', 'Account"} 1\nnightload_rows_total{object="x', OTHER],
  ['connection', 'north-1', 'north-1'],
  ['connection', '\u001b[31m', OTHER],
  ['schedule', 'nightly accounts', 'nightly accounts'],
  ['schedule', undefined, ''],
] as const)('%s %j is shown as %j', (label, value, shown) => {
  expect(LABELS[label].of(value)).toBe(shown);
});

it('an event counts once, and the list of events is limited', () => {
  const counted = new CountedEvents();
  expect([counted.first('run 1'), counted.first('run 1'), counted.first('run 2')]).toEqual([true, false, true]);
  for (let n = 0; n < 6_000; n++) counted.first(`more ${n}`);
  expect(counted.first('more 5999')).toBe(false);
  expect(counted.first('run 1')).toBe(true);
});

it('a meter that refuses a number fails no load, and negative amounts are not recorded', () => {
  const added: number[] = [];
  const meter = {
    ...noopMetricMeter,
    createGauge: () => {
      throw new Error('no gauges');
    },
    createCounter: () => ({ ...noopMetricMeter.createCounter('x'), add: (amount: number) => void added.push(amount) }),
  };
  const recorder = new Recorder(meter as unknown as ConstructorParameters<typeof Recorder>[0]);
  recorder.set('nightload_org_batches_remaining', 1, { connection: 'default' });
  recorder.add('nightload_lock_failures_total', -1, {});
  recorder.add('nightload_lock_failures_total', 2, {});
  expect(added).toEqual([2]);
});

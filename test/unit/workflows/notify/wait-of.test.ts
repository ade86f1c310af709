import { expect, it } from 'vitest';
import type { PartNow } from '../../../../src/protocol/messages/load-messages.js';
import type { Load } from '../../../../src/workflows/load/load.js';
import { waitOf } from '../../../../src/workflows/notify/watch-waits.js';

const part = (n: number, more: Partial<PartNow> = {}): [number, PartNow] => [
  n,
  { n, phase: 'processing', processed: 0, failed: 0, total: 10, ...more },
];

function load(phase: string, live: object, parts: [number, PartNow][] = []): Pick<Load, 'state' | 'live'> {
  return { state: { phase }, live: { paused: false, running: new Map(parts), ...live } } as unknown as Load;
}

it.each([
  ['a missing source', load('preparing', { waitingFor: 'the file a.csv' }), 'the file a.csv'],
  ['corrections', load('holding', { waitingFor: 'corrections of 3 rows' }), 'corrections of 3 rows'],
  ['a missing worker', load('planning', { missing: 'a worker of q-files-1' }), 'a worker of q-files-1'],
  ['a pause', load('loading', { paused: true }, [part(1)]), 'somebody to resume it'],
  [
    'the allocation, when no part runs',
    load('loading', {}, [
      part(1, { phase: 'waiting', waitingFor: 'behind 2 jobs' }),
      part(2, { waitingFor: 'behind 3 jobs' }),
    ]),
    "the org's allocation (behind 2 jobs)",
  ],
  [
    'a question, although other parts run',
    load('loading', {}, [part(1), part(2, { waitingFor: 'an answer about job 750', inQuestion: true })]),
    'an answer about job 750',
  ],
  [
    'counters that do not settle, when no part runs',
    load('loading', {}, [part(1, { phase: 'settling', waitingFor: 'the counters of job 750' })]),
    'the counters of job 750',
  ],
  ['the wait of a retry', load('retrying', { waitingFor: 'waits for a worker of q' }), 'a worker of q'],
  ['nothing while a part runs', load('loading', {}, [part(1), part(2, { waitingFor: 'behind 2 jobs' })]), undefined],
  ['nothing in a retry, whose text is not a wait', load('retrying', { waitingFor: 'sorting the rows' }), undefined],
  ['nothing at the end', load('reporting', { paused: true }), undefined],
])('%s', (_what, waiting, expected) => {
  expect(waitOf(waiting)?.text).toBe(expected);
});

it('corrections after an outage are another wait, and a longer queue is not', () => {
  const kind = (...given: Parameters<typeof load>): string | undefined => waitOf(load(...given))?.kind;
  expect(kind('holding', { outage: 'the step planLoad', waitingFor: 'corrections' })).toBe('outage');
  expect(kind('holding', { waitingFor: 'corrections' })).toBe('corrections');
  const behind = (n: number): [number, PartNow][] => [part(1, { phase: 'waiting', waitingFor: `behind ${n} jobs` })];
  expect(kind('loading', {}, behind(2))).toBe(kind('loading', {}, behind(3)));
});

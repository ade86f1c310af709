/** Whoever may start workflows may run one that answers anything; whoever completes activities decides their heartbeats. */
import { describe, expect, it } from 'vitest';
import type { LoadProgress, LoadSoFar } from '../../../../src/contract/load-progress.js';
import {
  progressOf,
  readBeat,
  readPart,
  readSent,
  soFarOf,
  takenOf,
} from '../../../../src/client/answers/load-progress.js';
import { readShownInput } from '../../../../src/client/answers/shown-input.js';
import { withThroughput } from '../../../../src/client/throughput.js';

const ID = 'bulk-load/x';
const part = { n: 1, phase: 'processing', jobId: '750000000000001AAA', processed: 5, failed: 1, total: 10 } as const;
const honest: LoadProgress = {
  phase: 'loading',
  records: { total: 10, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 10 },
  parts: [{ ...part }],
  ended: 0,
  loadingSince: '2026-11-29T01:00:00.000Z',
  waitingFor: 'the org',
  rejectedFile: 'file:///out/rejected.csv',
  paused: false,
};
const STEER = '\u001b[2J\u001b]0;owned\u0007\r\n\u202e';
const deep = (): unknown => JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
const unreadable = (message = ''): unknown =>
  expect.objectContaining({ code: 'LOAD_UNREADABLE', message: expect.stringContaining(message) as string });

it('reads the answer of a load', () => {
  expect(progressOf(ID, honest)).toEqual(honest);
});

describe('progress', () => {
  it.each([
    [null],
    ['x'],
    [5],
    [[]],
    [{}],
    [deep()],
    ['x'.repeat(1_900_000)],
    [{ ...honest, phase: 'toString' }],
    [{ ...honest, phase: STEER }],
    [{ ...honest, phase: deep() }],
    [{ ...honest, records: { ...honest.records, total: -1 } }],
    [{ ...honest, records: { ...honest.records, total: 1e300 } }],
    [{ ...honest, parts: 'x' }],
    [{ ...honest, parts: { length: 1e9 } }],
    [{ ...honest, paused: 'x' }],
    [JSON.parse(`{"__proto__":${JSON.stringify(honest)}}`)],
  ])('is refused with a short reason: %#', (value) => {
    expect(() => progressOf(ID, value)).toThrow(unreadable('`progress`'));
    try {
      progressOf(ID, value);
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(600);
      expect((error as Error).message).not.toContain('\u001b');
    }
  });

  it('loses its unusable fields and parts, and long texts are cut', () => {
    const {
      waitingFor,
      rejectedFile: _file,
      loadingSince: _since,
      ended: _ended,
      ...rest
    } = progressOf(ID, {
      ...honest,
      parts: [null, deep(), { ...part, n: 0 }, { ...part, processed: 1e300 }, { ...part, jobId: STEER, more: 1 }],
      ended: -1,
      loadingSince: STEER,
      waitingFor: STEER.repeat(10_000) + 'x'.repeat(1_900_000),
      rejectedFile: 'xy',
      rowsPerSecond: Number.NaN,
    });
    const { jobId: _job, ...without } = part;
    expect(rest).toEqual({ phase: 'loading', records: honest.records, parts: [without], paused: false });
    expect(_file ?? _since ?? _ended).toBeUndefined();
    expect(waitingFor?.length).toBeLessThanOrEqual(1_000);
    expect(waitingFor).not.toMatch(/\p{Cc}|\u202e/u);
    expect(progressOf(ID, { ...honest, parts: Array(100_000).fill(part) }).parts).toHaveLength(200);
  });

  it('never gives a rate that is not a number', () => {
    for (const loadingSince of ['x', '+275760-09-13T00:00:00.001Z', '0000-00-00T00:00:00Z', 5]) {
      const { rowsPerSecond } = withThroughput(progressOf(ID, { ...honest, loadingSince }), Date.now());
      expect(rowsPerSecond === undefined || Number.isFinite(rowsPerSecond)).toBe(true);
    }
  });
});

it('soFar and the answer to corrections are checked too', () => {
  const soFar: LoadSoFar = {
    retry: { rounds: 0, recovered: 0, rerendered: 0 },
    jobs: [],
    jobsTotal: 0,
    apiRequests: 3,
    files: { succeeded: [], rejected: 'file:///r.csv' },
  };
  expect(soFarOf(ID, soFar)).toEqual(soFar);
  expect(soFarOf(ID, { ...soFar, warnings: deep() })).toEqual(soFar);
  for (const bad of [null, 'x', { ...soFar, files: { succeeded: [], forPeople: 'xy' } }, { ...soFar, jobs: [deep()] }])
    expect(() => soFarOf(ID, bad)).toThrow(unreadable('`soFar`'));
  expect(takenOf(ID, { rows: 1, remaining: 2, warnings: [`a${STEER}b`] })).toEqual({
    rows: 1,
    remaining: 2,
    warnings: ['a [2J ]0;owned b'],
  });
  for (const bad of [null, 'x', { rows: -1, remaining: 0 }, { rows: 'x', remaining: 1e300 }])
    expect(() => takenOf(ID, bad)).toThrow(unreadable('`submitCorrections`'));
});

it('heartbeats, parts and inputs are read as far as they are usable', () => {
  expect(readPart(part)).toEqual(part);
  for (const bad of [null, 'x', deep(), { bytes: 'x' }, { bytes: 1e300, bytesTotal: -5 }]) {
    expect(readPart(bad)).toBeUndefined();
    expect(readSent(bad)).toBeUndefined();
    expect(readBeat(bad) ?? { bytes: 0, requests: 0 }).toEqual({ bytes: 0, requests: 0 });
    expect(readShownInput(bad)).toEqual({});
  }
  expect(readBeat({ bytes: 5, requests: { total: 2 } })).toEqual({ bytes: 5, requests: 2 });
  expect(
    readShownInput({
      loadId: '../x',
      object: STEER,
      operation: 'insert',
      source: `file:///${STEER}x`,
      retry: { fixer: { activity: 'fix', taskQueue: 5 } },
    }),
  ).toEqual({ operation: 'insert', source: 'file:/// [2J ]0;owned x', retry: {} });
});

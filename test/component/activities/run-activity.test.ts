import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCountedActivity } from '../../../src/activities/run-activity.js';
import { openConnection } from '../../../src/salesforce/config/open-connection.js';
import { quietEnvironment } from '../../helpers/activity-harness.js';
import { Secret } from '../../../src/runtime/secret.js';

type Do = 'getJob' | 'closeJob';

interface Answer {
  status: number;
  errorCode?: string;
  message?: string;
  headers?: Record<string, string>;
}

interface Attempt {
  attempt?: number;
  heartbeatDetails?: unknown;
  currentAttemptScheduledTimestampMs?: number;
  scheduledTimestampMs?: number;
  scheduleToCloseTimeoutMs?: number;
  retryPolicy?: { initialInterval: number; maximumInterval?: number };
  onBeat?: (details: unknown) => void;
}

/** The failure that Temporal gets when a step calls an org that replies like this. */
async function failureOf(
  { status, errorCode, message = 'no', headers }: Answer,
  call: Do = 'getJob',
  { onBeat, ...info }: Attempt = {},
): Promise<ApplicationFailure> {
  const server = createServer((_request, response) => {
    response.writeHead(status, headers).end(errorCode && JSON.stringify([{ errorCode, message }]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const instanceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = openConnection({ auth: 'token', instanceUrl, accessToken: new Secret('T'), apiVersion: 'v66.0' });
  onTestFinished(async () => {
    await connection.close();
    server.closeAllConnections();
    server.close();
  });
  const activity = runCountedActivity((jobId: string, step) =>
    connection[call](jobId, { ...step.call, apiVersion: 'v66.0' }),
  );
  try {
    const environment = quietEnvironment(info);
    if (onBeat !== undefined) environment.on('heartbeat', onBeat);
    await environment.run(activity, '750000000000001AAA');
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
  throw new Error('This should have failed, but it succeeded.');
}

describe('heartbeats', () => {
  const beatsOf = async (ms: number): Promise<unknown[]> => {
    const beats: unknown[] = [];
    const environment = quietEnvironment({});
    environment.on('heartbeat', (details) => beats.push(structuredClone(details)));
    const activity = runCountedActivity(async (_input: string, step) => {
      step.call.onRequest?.('info');
      await sleep(ms);
    });
    await environment.run(activity, '');
    return beats;
  };

  it('a step that ends soon sends none', async () => {
    expect(await beatsOf(0)).toEqual([]);
  });

  it('a longer step sends them with its requests', async () => {
    const beats = await beatsOf(2_500);
    expect(beats.length).toBeGreaterThan(0);
    expect(beats[0]).toMatchObject({ requests: { total: 1, info: 1 } });
  });
});

describe('the failure that a failed call reports to Temporal', () => {
  it.each([
    ['0', undefined],
    ['soon', undefined],
    [undefined, undefined],
    ['1', 1000],
    ['30', 30_000],
    ['120', 120_000],
    ['3600', 120_000],
    ['99999999999999999999', 120_000],
  ])('Retry-After %s makes the next attempt wait %s ms', async (value, delay) => {
    const headers: Record<string, string> = value === undefined ? {} : { 'retry-after': value };
    const failure = await failureOf({ status: 503, headers });
    expect(failure).toMatchObject({ type: 'SALESFORCE_HTTP_503', nonRetryable: false });
    expect(failure.nextRetryDelay ?? undefined).toBe(delay);
  });

  it.each([
    [{ initialInterval: 250 }, 1, 1_000],
    [{ initialInterval: 250 }, 3, 4_000],
    [{ initialInterval: 250, maximumInterval: 60_000 }, 5_000, 60_000],
    [{ initialInterval: 5_000 }, 1, undefined],
  ])(
    'asks an org in trouble at most once a second, although a step is soon repeated after a kill: %o, attempt %i',
    async (retryPolicy, attempt, delay) => {
      const failure = await failureOf({ status: 503 }, 'getJob', { retryPolicy, attempt });
      expect(failure.nextRetryDelay ?? undefined).toBe(delay);
    },
  );

  it('never waits less than a second for a date in the near future', async () => {
    // A date has no milliseconds, so this one may be in the past by now: then no wait is requested.
    const headers = { 'retry-after': new Date(Date.now() + 1000).toUTCString() };
    expect([undefined, 1000]).toContain((await failureOf({ status: 503, headers })).nextRetryDelay ?? undefined);
  });

  it('contains whether the request may have been carried out, and the requests', async () => {
    const details = async (call: Do, status: number): Promise<unknown> => (await failureOf({ status }, call)).details;
    const one = { total: 1, info: 0 };
    expect(await details('closeJob', 502)).toEqual([{ requests: one, maybeApplied: true }]);
    expect(await details('closeJob', 400)).toEqual([{ requests: one, maybeApplied: true }]);
    const refused = await failureOf({ status: 400, errorCode: 'MULTIPLE' }, 'closeJob');
    expect(refused.details).toEqual([{ requests: one, maybeApplied: false, believedAfterMs: 2_500 }]);
    expect(await details('getJob', 502)).toEqual([{ requests: { total: 1, info: 1 }, maybeApplied: false }]);
  });

  it.each([
    [{ status: 429 }, 'BENIGN'],
    [{ status: 503 }, 'BENIGN'],
    [{ status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED' }, 'BENIGN'],
    [{ status: 400, errorCode: 'EXCEEDEDQUOTA' }, 'BENIGN'],
    [{ status: 500, errorCode: 'UNKNOWN_EXCEPTION' }, undefined],
    [{ status: 400, errorCode: 'LIMIT_EXCEEDED' }, 'BENIGN'],
    [{ status: 400, errorCode: 'UNABLE_TO_LOCK_ROW' }, 'BENIGN'],
    [{ status: 403, errorCode: 'API_DISABLED_FOR_ORG' }, undefined],
  ])('%o: a reply that only means "not now" is no error in the metrics', async (answer, category) => {
    expect((await failureOf(answer)).category ?? undefined).toBe(category);
  });

  it('waits long when an allocation is used up, but not when too many requests run at once', async () => {
    const now = { scheduledTimestampMs: Date.now(), scheduleToCloseTimeoutMs: 86_400_000 };
    const delay = async (message: string): Promise<unknown> => {
      const answer = { status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message };
      return (await failureOf(answer, 'getJob', now)).nextRetryDelay ?? undefined;
    };
    expect(await delay('TotalRequests Limit exceeded.')).toBe(15_000);
    expect(await delay('ConcurrentRequests (Concurrent API Requests) Limit exceeded.')).toBeUndefined();
    expect((await failureOf({ status: 400, errorCode: 'LIMIT_EXCEEDED' }, 'getJob', now)).nextRetryDelay).toBe(15_000);
  });
});

describe('a refusal of the platform', () => {
  const NOT_FOUND: Answer = { status: 404, errorCode: 'NOT_FOUND' };
  const DISABLED: Answer = { status: 403, errorCode: 'API_DISABLED_FOR_ORG' };
  const AWAY: Answer = { status: 503 };
  const S = 1_000;
  const MIN = 60 * S;

  it.each<[string, Do, [at: number, answer: Answer][], final: boolean[]]>([
    [
      'once or twice within a second is not believed',
      'closeJob',
      [
        [0, DISABLED],
        [S, DISABLED],
        [3 * S, DISABLED],
      ],
      [false, false, true],
    ],
    [
      'that a job is gone is believed after ten minutes',
      'getJob',
      [
        [0, NOT_FOUND],
        [MIN, NOT_FOUND],
        [9 * MIN, NOT_FOUND],
        [10 * MIN, NOT_FOUND],
      ],
      [false, false, false, true],
    ],
    [
      'counts from the beginning again when something else came in between',
      'closeJob',
      [
        [0, NOT_FOUND],
        [5 * MIN, AWAY],
        [10 * MIN, NOT_FOUND],
        [20 * MIN, NOT_FOUND],
      ],
      [false, false, false, true],
    ],
    [
      'of any other kind never ends the polling of a job',
      'getJob',
      [
        [0, DISABLED],
        [60 * MIN, DISABLED],
      ],
      [false, false],
    ],
  ])('%s', async (_what, call, attempts, final) => {
    const begun = 1_750_000_000_000;
    const found: boolean[] = [];
    let heartbeatDetails: unknown;
    for (const [index, [at, answer]] of attempts.entries()) {
      const failure = await failureOf(answer, call, {
        attempt: index + 1,
        heartbeatDetails,
        currentAttemptScheduledTimestampMs: begun + at,
        onBeat: (details) => (heartbeatDetails = details),
      });
      found.push(failure.nonRetryable === true);
    }
    expect(found).toEqual(final);
  });
});

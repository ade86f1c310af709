import { describe, expect, it } from 'vitest';
import { AnswerWatch } from '../../../../../src/cli/shared/stuck-loads/answer-watch.js';
import type { Seen, StepSeen } from '../../../../../src/cli/shared/stuck-loads/answer-watch.js';

const LOGIN_PAGE = { code: 'UNEXPECTED_REPLY', message: 'The login server answered with a page.', workerLost: false };
const step = (more: Partial<StepSeen> = {}): StepSeen => ({
  id: '1',
  name: 'checkSource',
  attempt: 1,
  bytes: 0,
  requests: 0,
  ...more,
});

/** Checks once a second what `at` shows; returns the messages with their second, and how and when the wait ended. */
function wait(at: (second: number) => Partial<Seen>, { timeoutMs = 60_000, mostMs = Infinity, until = 600 } = {}) {
  const watch = new AnswerWatch(0, { timeoutMs, mostMs });
  const said: [number, string][] = [];
  for (let second = 1; second <= until; second++) {
    const { say, gaveUp } = watch.observe({ events: 3, steps: [], ...at(second) }, second * 1000);
    for (const line of say) said.push([second, line]);
    if (gaveUp !== undefined) return { said, second, code: gaveUp.code, message: gaveUp.message };
  }
  return { said, second: until, code: undefined, message: '' };
}

describe('a command that waits for a reply', () => {
  it('reports after 5 s, once, why a step fails, and ends after a minute with its code', () => {
    const end = wait((second) => ({ steps: [step({ attempt: 2 + Math.floor(second / 10), failure: LOGIN_PAGE })] }));
    expect(end.said).toEqual([[5, `checkSource failed once and is retried: ${LOGIN_PAGE.message}`]]);
    expect(end).toMatchObject({ second: 61, code: 'UNEXPECTED_REPLY' });
    expect(end.message).toContain(LOGIN_PAGE.message);
    expect(end.message).toContain('--timeout');
  });

  it('ends in the end, even if the workflow does something forever', () => {
    const end = wait((second) => ({ events: 3 + second }), { mostMs: 300_000 });
    expect(end).toMatchObject({ second: 300, code: 'NO_ANSWER' });
    expect(end.message).toContain('gave up after 5 min');
  });

  it('reports that the task queue has no worker, and ends with that error', () => {
    const end = wait(() => ({ unattended: 'nightload' }), { timeoutMs: 20_000 });
    expect(end.said).toMatchObject([[5, expect.stringContaining('No worker polls the task queue "nightload"')]]);
    expect(end).toMatchObject({ second: 21, code: 'NO_WORKER' });
  });

  it('names the setting that workers of object stores need', () => {
    const end = wait(() => ({ unattended: 'nightload-files-objects' }), { timeoutMs: 20_000 });
    expect(end.message).toContain('NIGHTLOAD_S3_ROOTS as before');
    expect(end.message).not.toContain('NIGHTLOAD_FILE_ROOTS');
  });

  it('also ends if nothing is wrong but nothing moves', () => {
    const end = wait(() => ({ steps: [step({ bytes: 10 })] }));
    expect(end.said).toEqual([[5, 'No answer after 5 s: checkSource has not finished.']]);
    expect(end).toMatchObject({ second: 61, code: 'NO_ANSWER' });
  });

  it('does not interrupt the reading of a file, however long it takes, nor its second pass', () => {
    const end = wait((second) => ({ steps: [step({ bytes: 1_000_000 * Math.floor((second % 400) / 6) })] }));
    expect(end.code).toBeUndefined();
  });

  it('gives a worker that takes over a dead worker’s file the time to read it again', () => {
    const lost = { code: 'STEP_TIMED_OUT', message: 'activity Heartbeat timeout', workerLost: true };
    const end = wait((second) => ({
      steps: [second < 300 ? step({ bytes: second }) : step({ attempt: 2, failure: lost, bytes: second - 300 })],
    }));
    expect(end.code).toBeUndefined();
  });

  it('does not count an attempt as progress that only repeats the previous one until it fails', () => {
    // Each attempt unpacks the file for 20 s, and then the login fails.
    const end = wait((second) => ({
      steps: [
        step({
          attempt: 1 + Math.floor(second / 30),
          bytes: Math.min(20, second % 30),
          ...(second >= 30 && { failure: LOGIN_PAGE }),
        }),
      ],
    }));
    expect(end).toMatchObject({ code: 'UNEXPECTED_REPLY' });
    expect(end.second).toBeLessThan(120);
  });

  it("counts from the workflow's last progress", () => {
    expect(wait((second) => ({ events: Math.min(second, 100) })).second).toBe(160);
  });
});

/** How long after its time a scheduled run may start, by the worker's environment. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { NightloadError } from '../../../src/errors.js';
import { notifierFrom } from '../../../src/workers/notifier.js';

function graceWith(event: string, NIGHTLOAD_SCHEDULE_GRACE?: string): number | string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'nightload-grace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const NIGHTLOAD_NOTIFY = join(folder, 'notify.json');
  const targets = { chat: { type: 'slack', url: 'https://hooks.example/x' } };
  const file = { targets, rules: [{ when: [event], to: ['chat'] }] };
  writeFileSync(NIGHTLOAD_NOTIFY, JSON.stringify(file), { mode: 0o600 });
  try {
    const env = { NIGHTLOAD_NOTIFY, ...(NIGHTLOAD_SCHEDULE_GRACE !== undefined && { NIGHTLOAD_SCHEDULE_GRACE }) };
    return notifierFrom(env, () => undefined)?.graceMs;
  } catch (error) {
    return (error as NightloadError).code;
  }
}

it.each<[string, string | undefined, number | string | undefined]>([
  ['failed', undefined, undefined],
  ['failed', 'soon', undefined],
  ['notStarted', undefined, 600_000],
  ['notStarted', ' ', 600_000],
  ['notStarted', '1s', 1_000],
  ['notStarted', '90m', 5_400_000],
  ['notStarted', '0', 'INVALID_SCHEDULE_GRACE'],
  ['notStarted', '7h', 'INVALID_SCHEDULE_GRACE'],
  ['notStarted', 'soon', 'INVALID_SCHEDULE_GRACE'],
])('a rule about %s, grace %j', (event, given, expected) => expect(graceWith(event, given)).toBe(expected));

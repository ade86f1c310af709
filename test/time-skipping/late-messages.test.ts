/** Messages of a night: one that is taken after an hour, and one about a load that waits for the org's counters. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { notifierFrom } from '../../src/workers/notifier.js';
import { accounts } from '../helpers/load-harness.js';
import { openNight } from '../helpers/night.js';
import type { Night } from '../helpers/night.js';
import { skipUntil } from '../helpers/skip-time.js';
import { startWebhook } from '../helpers/webhook.js';
import type { Webhook } from '../helpers/webhook.js';

let night: Night;
let hook: Webhook;
let status: number;
beforeEach(async () => {
  night = await openNight();
  status = 500;
  hook = await startWebhook(() => status);
});
afterEach(async () => {
  await night.close();
  await hook.close();
});

async function workWith(rule: object): Promise<void> {
  const NIGHTLOAD_NOTIFY = join(night.folder, 'notify.json');
  const file = {
    targets: { ops: { type: 'webhook', url: hook.url, secret: 'a key of the webhook' } },
    rules: [{ ...rule, to: ['ops'] }],
  };
  await writeFile(NIGHTLOAD_NOTIFY, JSON.stringify(file), { mode: 0o600 });
  await night.startOrg({ recordsPerSecond: 100 });
  await night.work({ notifier: notifierFrom({ NIGHTLOAD_NOTIFY }, () => undefined) });
}

it('tells that a load waits for counters that do not agree with the result files', async () => {
  status = 204;
  await workWith({ when: ['waiting'], waitingLonger: '5m' });
  night.org.failNextJobAfter(70, { losesRest: true });
  const result = await night.load(accounts(100));
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 100 } });
  const job = night.org.jobs()[0]?.settings.id;
  expect(hook.deliveries.map(({ message }) => [message.event, message.waitingFor])).toEqual([
    ['waiting', `the result files and the counters of job ${job} to agree`],
  ]);
});

it('a message that is taken after an hour', async () => {
  // This server has no visibility, which recoveries need: a failed load has none.
  await workWith({ when: ['failed'] });
  const result = await night.load(accounts(10), { columns: { Name: 'No_Such_Field__c' } });
  expect(result.state).toBe('Failed');

  const page = (): Promise<string> => readFile(join(night.folder, 'nightload-results/tonight/report.html'), 'utf8');
  const began = await night.env.currentTimeMs();
  await skipUntil(night.env, '10s', async () => (await page()).includes('not delivered yet, retried until'));
  expect((await night.env.currentTimeMs()) - began).toBeLessThan(5 * 60_000);
  expect(hook.deliveries).toHaveLength(4);
  await night.env.sleep('1h');
  status = 204;
  await skipUntil(night.env, '1m', async () => (await page()).includes('delivered late'));
  const text = await page();
  expect(text).not.toContain('not delivered yet');
  expect(text).not.toContain('nightload notify test');
  expect(text).toContain('<code>NOTIFY_UNAVAILABLE</code>');
  expect(new Set(hook.deliveries.map(({ message }) => message.id)).size).toBe(1);
});

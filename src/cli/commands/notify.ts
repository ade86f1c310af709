/** `nightload notify`: sends a message as a worker in this environment would. Runs in the command's own process. */
import { randomUUID } from 'node:crypto';
import type { NotifyMessage } from '../../contract/notification.js';
import { workflowIdOf } from '../../domain/load-ids.js';
import { NightloadError } from '../../errors.js';
import { readNotifyFile } from '../../notify/notify-file.js';
import { send } from '../../notify/send.js';
import { pingHeartbeat } from '../../notify/senders/heartbeat.js';
import type { Heartbeat, NotifySettings } from '../../notify/settings.js';
import { printJson, say } from '../shared/output.js';

export interface NotifyTestOptions {
  json?: boolean;
}

export async function test(name: string, { json }: NotifyTestOptions): Promise<number> {
  const { targets, heartbeats } = settingsOf(name);
  const target = targets.get(name);
  const heartbeat = heartbeats.get(name) as Heartbeat;
  if (target === undefined) {
    await pingHeartbeat(heartbeat.url, 'success');
    say(`${name} (heartbeat): took a ping. Check that it arrived; for the service, a load has ended well.`);
    if (json) printJson({ ok: true, target: name, type: 'heartbeat' });
    return 0;
  }
  const message = testMessage();
  const { warning } = await send(target, message, { isTest: true, aboutToSend: () => Promise.resolve() });
  say(`${name} (${target.type}): took the test message ${message.id}. Check that it arrived.`);
  if (warning !== undefined) say(`Warning: ${warning}`);
  if (json) printJson({ ok: true, target: name, type: target.type, id: message.id, ...(warning && { warning }) });
  return 0;
}

/** @throws NightloadError also when neither has that name */
function settingsOf(name: string): NotifySettings {
  const path = process.env['NIGHTLOAD_NOTIFY']?.trim();
  if (!path) {
    throw new NightloadError(
      'NOTIFY_NOT_CONFIGURED',
      'NIGHTLOAD_NOTIFY is not set, so there are no targets. Set it as for the worker (docs/notifications.md).',
    );
  }
  const settings = readNotifyFile(path, process.env, name);
  for (const warning of settings.warnings) say(`Warning: ${warning}`);
  return settings;
}

/** About a load that does not exist: receivers in use must be able to tell. */
function testMessage(): NotifyMessage {
  return {
    id: `test-${randomUUID()}`,
    event: 'finished',
    at: new Date().toISOString(),
    loadId: 'notify-test',
    workflowId: workflowIdOf('notify-test'),
    runId: '00000000-0000-0000-0000-000000000000',
    connection: 'default',
    object: 'Account',
    operation: 'upsert',
    state: 'Completed',
    records: { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 },
  };
}

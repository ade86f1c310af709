/** Who is told about loads, by the notify file of the worker (`NIGHTLOAD_NOTIFY`). */
import type { Notifier } from '../activities/notify/notifier.js';
import { durationTrouble, toMs } from '../domain/input/durations.js';
import { shown } from '../domain/text/shown.js';
import { NightloadError } from '../errors.js';
import { readNotifyFile } from '../notify/notify-file.js';
import { isNamed, matchingTargets, waitThresholds } from '../notify/rules.js';
import { send } from '../notify/send.js';
import { recognizesRepeats } from '../notify/sending.js';
import { pingHeartbeat } from '../notify/senders/heartbeat.js';
import type { Heartbeat, NotifySettings, Target } from '../notify/settings.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @returns undefined without a notify file
 * @throws NightloadError `NOTIFY_FILE_INVALID` and others of `readNotifyFile`; `INVALID_SCHEDULE_GRACE`
 */
export function notifierFrom(env: Environment, warn: (text: string) => void): Notifier | undefined {
  const file = env['NIGHTLOAD_NOTIFY']?.trim();
  if (!file) return undefined;
  const settings = readNotifyFile(file, env);
  settings.warnings.forEach(warn);
  return { ...notifierOf(settings), ...graceOf(settings, env) };
}

function notifierOf({
  targets,
  rules,
  heartbeats,
}: Pick<NotifySettings, 'targets' | 'rules' | 'heartbeats'>): Notifier {
  const targetOf = (name: string): Target => {
    const target = targets.get(name);
    if (target !== undefined) return target;
    // Another worker of the queue may have it.
    const message = `The notify file of this worker has no target ${shown(name)}. Give all workers of the task queue the same file.`;
    throw new NightloadError('NOTIFY_TARGET_UNKNOWN', message, { retryable: true });
  };
  return {
    waits: (about) => (rules.some((rule) => isNamed(rule, about)) ? waitThresholds(rules, about) : undefined),
    recipients: (facts) =>
      matchingTargets(rules, facts).map((target) => ({ target, hasKey: recognizesRepeats(targetOf(target)) })),
    heartbeats: () => ({
      names: [...heartbeats.keys()],
      accepts: (heartbeat) => heartbeatNamed(heartbeats, heartbeat) !== undefined,
    }),
    ping: async (heartbeat, kind, signal) => {
      const found = heartbeatNamed(heartbeats, heartbeat);
      if (found !== undefined) await pingHeartbeat(found.url, kind, { signal });
    },
    send: async (target, message, options) => void (await send(targetOf(target), message, options)),
  };
}

/** A load may use the addresses of the file and no others: by their name, or by the reference that stands there. */
function heartbeatNamed(heartbeats: NotifySettings['heartbeats'], given: string): Heartbeat | undefined {
  return heartbeats.get(given) ?? [...heartbeats.values()].find(({ reference }) => reference === given);
}

const GRACE_LIMITS = { least: 1_000, most: 21_600_000 };

/** @throws NightloadError `INVALID_SCHEDULE_GRACE` */
function graceOf({ rules }: Pick<NotifySettings, 'rules'>, env: Environment): Pick<Notifier, 'graceMs'> {
  if (!rules.some(({ when }) => when.includes('notStarted'))) return {};
  const grace = env['NIGHTLOAD_SCHEDULE_GRACE']?.trim() || '10m';
  const trouble = durationTrouble(grace, GRACE_LIMITS);
  if (trouble === undefined) return { graceMs: toMs(grace) };
  throw new NightloadError(
    'INVALID_SCHEDULE_GRACE',
    `NIGHTLOAD_SCHEDULE_GRACE is ${shown(grace)}: ${trouble}. It says how long after its time a scheduled load may start, from 1s to 6h.`,
  );
}

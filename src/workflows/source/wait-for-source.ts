/** A late source: checked regularly until it exists and is complete. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { condition } from '@temporalio/workflow';
import type { AwaitSourceInput } from '../../activities/source/probe-source.js';
import { STORE_UNAVAILABLE } from '../../domain/store-outage.js';
import { nameOf, time } from '../../domain/text/format.js';
import { pastZonedMoment } from '../../domain/text/zoned-moment.js';
import { shownPath } from '../../domain/text/shown.js';
import { wishOf } from '../check/plan-input.js';
import type { Load } from '../load/load.js';
import { fileActivities } from '../support/activity-options.js';
import { recordWait } from '../support/metrics.js';
import { findSource } from './locate-source.js';
import type { SourceCheck } from './locate-source.js';
import { afterCheck, asksAllGroups } from './source-watch.js';
import type { SourceWatch, WhyWait } from './source-watch.js';

/**
 * Returns when the source exists and is complete, with the queue of workers that saw it; at once when the load does not
 * wait.
 *
 * @throws ApplicationFailure `SOURCE_NOT_FOUND`, `SOURCE_STILL_GROWING`
 */
export async function waitForSource(load: Load): Promise<string | undefined> {
  const { input, settings, live } = load;
  const { waitForSourceMs: waitMs, poll } = settings;
  if (waitMs === 0) return undefined;
  const watch: SourceWatch = { since: Date.now(), missed: 0, grown: 0 };
  const name = nameOf(input.source);
  let queue: string | undefined;
  let groups = 1;
  let waited = false;
  try {
    for (;;) {
      const everywhere = asksAllGroups(watch, { groups, now: Date.now(), waitMs });
      const found = await checkSource(load, { queue, everywhere });
      groups = found.groups ?? groups;
      const next = afterCheck(watch, { ...found.status, now: Date.now() }, { waitMs, poll });
      if (next.kind === 'ready') return queue;
      if (next.kind === 'giveUp') throw tooLate(input.source, waitMs, next.why);
      queue = next.queue;
      load.waitFor(`${WAITS[next.why](name)}, until ${pastZonedMoment(watch.since + waitMs, input.timeZone)}`);
      waited = true;
      const seen = live.changes;
      await condition(() => live.changes !== seen, next.ms, {
        summary: `${name} ${STATES[next.why]}: next check in ${time(next.ms)}`,
      });
    }
  } finally {
    delete live.waitingFor;
    if (waited) recordWait('source', watch.since);
  }
}

const WAITS: Readonly<Record<WhyWait, (name: string) => string>> = {
  missing: (name) => `the file ${name}`,
  growing: (name) => `the file ${name} to be complete`,
  unavailable: (name) => `the object store of ${name}, which does not answer`,
};
const STATES: Readonly<Record<WhyWait, string>> = {
  missing: 'does not exist yet',
  growing: 'may be incomplete',
  unavailable: 'is in a store that does not answer',
};

interface Asked {
  /** Queue of the workers that saw the file; otherwise any worker is asked. */
  queue: string | undefined;
  /** Ask one worker of each group that shares a folder. */
  everywhere: boolean;
}

async function checkSource({ input, settings }: Load, { queue, everywhere }: Asked): Promise<SourceCheck> {
  const { source } = input;
  const asked: AwaitSourceInput = { source, connection: settings.connection, ...wishOf(input, settings) };
  if (queue === undefined) return findSource(asked, everywhere);
  try {
    const status = await fileActivities({ filesQueue: queue }, settings.outageMs).probeSource.executeWithOptions(
      { summary: `check for ${nameOf(source)}`, scheduleToCloseTimeout: '2m' },
      [asked],
    );
    return { status };
  } catch (error) {
    // Workers that saw the file may be gone by now: then any other is asked again.
    const timedOut = error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
    if (!timedOut) throw error;
    return { status: { filesQueue: queue } };
  }
}

function tooLate(source: string, waitMs: number, why: WhyWait): ApplicationFailure {
  if (why === 'unavailable') {
    return ApplicationFailure.nonRetryable(
      `The worker waited ${time(waitMs)} for ${shownPath(source)}, and the object store still does not answer. Nothing was loaded. ` +
        'Check the network and the store, then start the load again.',
      STORE_UNAVAILABLE,
    );
  }
  if (why === 'growing') {
    return ApplicationFailure.nonRetryable(
      `${shownPath(source)} appeared, but was still being written after ${time(waitMs)}. Nothing was loaded. ` +
        'Load it once it is complete; write it under another name, then rename it.',
      'SOURCE_STILL_GROWING',
    );
  }
  return ApplicationFailure.nonRetryable(
    `The worker waited ${time(waitMs)} for ${shownPath(source)}, and it did not appear. Load it once it exists, ` +
      'or wait longer (--wait-for-source).',
    'SOURCE_NOT_FOUND',
  );
}

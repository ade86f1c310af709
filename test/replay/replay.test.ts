/**
 * Recorded histories still replay with today's workflow code: a running load survives the deployment of this version.
 * `histories/*.json` are today's; `histories/v1.2.3/` has those of each released version, which are never recorded again.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from '@temporalio/worker';
import { describe, expect, inject, it } from 'vitest';
import { quietWorkers } from '../helpers/load-harness.js';

const TYPES = [
  ...['bulkLoad', 'checkLoad', 'ingestJob', 'orgAllocation', 'orgLimits', 'orphanJobs', 'pruneResults'],
  ...['retryFailedRows', 'sendHeartbeat', 'sendNotifications', 'watchSchedules'],
];
const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

const run = promisify(execFile);

interface Recorded {
  workflowId: string;
  history: { events: { eventType: string; [attributes: string]: unknown }[] };
}

/** Of today, or of a released version. */
async function recorded(version = ''): Promise<(Recorded & { version: string })[]> {
  const names = (await readdir(join(FOLDER, version))).filter((name) => name.endsWith('.json'));
  return Promise.all(
    names.map(async (name) => {
      const found = JSON.parse(await readFile(join(FOLDER, version, name), 'utf8')) as Recorded;
      return { ...found, version: version === '' ? 'today' : version };
    }),
  );
}

async function releasedVersions(): Promise<string[]> {
  const entries = await readdir(FOLDER, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

describe('recorded histories', async () => {
  quietWorkers();
  const histories = await recorded();
  const versions = await releasedVersions();
  const released = (await Promise.all(versions.map(recorded))).flat();

  it('include all workflows', () => {
    const types = histories.map(({ history }) => JSON.stringify(history.events[0]));
    for (const type of TYPES) expect(types.some((text) => text.includes(type))).toBe(true);
  });

  it('include those of each tagged version', async () => {
    // Without tags, as in a shallow clone, there is nothing to compare.
    const { stdout } = await run('git', ['tag', '--list', 'v*'], { cwd: FOLDER }).catch(() => ({ stdout: '' }));
    const tags = stdout.split('\n').filter((tag) => /^v\d+\.\d+\.\d+$/.test(tag));
    expect(versions).toEqual(expect.arrayContaining(tags));
    for (const version of versions) expect(released.map((one) => one.version)).toContain(version);
  });

  it.each([...histories, ...released])('$workflowId of $version replays', async ({ workflowId, history }) => {
    await Worker.runReplayHistory({ workflowBundle: { codePath: inject('workflowBundlePath') } }, history, workflowId);
  });

  it('detect a change: a history that lacks an event does not replay', async () => {
    const whole = histories.find(({ workflowId }) => workflowId.endsWith('all-good'));
    const events = whole?.history.events.filter(({ eventType }) => !eventType.includes('CHILD_WORKFLOW'));
    await expect(
      Worker.runReplayHistory(
        { workflowBundle: { codePath: inject('workflowBundlePath') } },
        { events },
        whole?.workflowId,
      ),
    ).rejects.toThrow();
  });
});

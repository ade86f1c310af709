/** Messages that were not delivered at once, in the report of their load and in no other. */
import { link, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BulkLoadResult } from '../../../../src/contract/load-result.js';
import type { DeliveryNote } from '../../../../src/contract/notification.js';
import { messageLines } from '../../../../src/cli/shared/result/message-lines.js';
import type { NoteDeliveriesInput } from '../../../../src/protocol/activities/notify-types.js';
import type { WriteReportInput } from '../../../../src/protocol/activities/report-types.js';
import { openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

const LOAD = 'bulk-load/nightly';
const FIRST_RUN = '01a225ea-a221-75b4-97e8-63121aaaaaaa';
const LATER_RUN = '01a225ea-a221-75b4-97e8-63122bbbbbbb';

let bench: Bench;
/** Of the load that calls. */
let firstRunId: string;
let workflowId: string;
let folder: string;
beforeEach(async () => {
  [workflowId, firstRunId] = [LOAD, FIRST_RUN];
  bench = await openBench({}, { loadOf: () => Promise.resolve({ workflowId, runId: firstRunId, firstRunId }) });
  folder = fileURLToPath(new URL('nightly/', bench.sourceUri));
});
afterEach(() => bench.close());

const uri = (path: string): string => new URL(path, bench.sourceUri).href;
const page = (): Promise<string> => bench.read('nightly/report.html');

const note = (more: Partial<DeliveryNote> = {}): DeliveryNote => ({
  ...{ event: 'failed', target: 'ops', since: '2026-11-30T02:00:10.000Z', state: 'givenUp' },
  ...{ at: '2026-11-30T02:00:11.000Z', code: 'NOTIFY_REFUSED', ...more },
});

function resultOf(runId: string): BulkLoadResult {
  return {
    ...{ loadId: 'nightly', workflowId: LOAD, runId, state: 'Failed', object: 'Account', operation: 'upsert' },
    records: { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 },
    ...{ balanced: true, retry: { rounds: 0, recovered: 0, rerendered: 0 }, jobs: [], jobsTotal: 0, apiRequests: 0 },
    files: { succeeded: [] },
  };
}

async function report(runId: string): Promise<BulkLoadResult> {
  const files = await run(
    bench.activities.writeReport,
    {
      ...{ outputUri: uri('nightly/'), workUri: uri(`nightly/run-${runId.slice(-8)}/`) },
      ...{ rejected: [], unprocessed: [], changes: [], ended: [], report: resultOf(runId) },
      facts: {
        ...{ source: bench.sourceUri, connection: 'default', startedAt: 1_764_468_000_000, endedAt: 1_764_468_060_000 },
        timeline: { phases: [], pauses: [] },
      },
    } satisfies WriteReportInput,
    { workflowExecution: { workflowId: LOAD, runId } },
  );
  return { ...resultOf(runId), files };
}

function enter(notes: DeliveryNote[], more: Partial<NoteDeliveriesInput> & { event?: string } = {}): Promise<void> {
  const { event = 'failed-1', ...input } = more;
  const work = uri(`nightly/run-${firstRunId.slice(-8)}/`);
  return run(
    bench.activities.noteDeliveries,
    { outputUri: uri('nightly/'), workUri: work, notes, ...input },
    { workflowExecution: { workflowId: `${workflowId}/notify-01a225ea/${event}`, runId: 'r' } },
  );
}

it('the page, the file and the commands show the newest outcome of each message', async () => {
  const result = await report(FIRST_RUN);
  expect(await page()).not.toContain('Messages');
  expect(await messageLines(result)).toEqual([]);
  const until = '2026-11-30T14:00:10.000Z';
  await enter([note({ state: 'retrying', until, code: 'NOTIFY_UNAVAILABLE' })]);
  expect(await page()).toContain('not delivered yet, retried until 2026-11-30 14:00 UTC');
  expect(await messageLines(result)).toEqual([
    '  message      "failed" to ops: not delivered yet, retried until 2026-11-30 14:00 UTC (NOTIFY_UNAVAILABLE). Check: nightload notify test ops',
  ]);
  await enter([note({ state: 'deliveredLate', at: '2026-11-30T03:10:00.000Z', code: 'NOTIFY_UNAVAILABLE' })]);
  expect(await page()).toContain('delivered late, 2026-11-30 03:10 UTC');
  expect(await page()).not.toContain('not delivered yet');
  expect(await messageLines(result)).toEqual([
    '  message      "failed" to ops: delivered late, 2026-11-30 03:10 UTC (NOTIFY_UNAVAILABLE)',
  ]);
});

it('those of several events that end at the same moment are all shown', async () => {
  await report(FIRST_RUN);
  const targets = Array.from({ length: 20 }, (_, n) => `target-${n}`);
  await Promise.all(targets.map((target, n) => enter([note({ target })], { event: `waiting-${n + 1}` })));
  const shown = await page();
  for (const target of targets) expect(shown).toContain(`<bdi>${target}</bdi>`);
  const file = JSON.parse(await bench.read('nightly/messages.json')) as { messages: DeliveryNote[] };
  expect(file.messages.map(({ target }) => target).sort()).toEqual(targets.sort());
});

it('those of events before the end are in the report from the start, also when it is written again', async () => {
  await bench.write('nightly/.nightload-owner', JSON.stringify({ workflowId: LOAD, firstRunId: FIRST_RUN }));
  await enter([note({ event: 'late', target: 'mail' })], { event: 'late-1' });
  expect(await bench.tree('nightly')).not.toContain('messages.json');
  for (const time of ['first', 'second']) {
    const result = await report(FIRST_RUN);
    expect(await page(), time).toContain('<bdi>mail</bdi>');
    expect(await messageLines(result), time).toHaveLength(1);
  }
});

describe('a later run under the same id', () => {
  it('keeps its report, and the messages of the earlier one are not its own', async () => {
    await report(FIRST_RUN);
    await enter([note()]);
    const result = await report(LATER_RUN);
    const before = await page();
    expect(before).not.toContain('Messages');
    expect(await bench.tree('nightly')).not.toContain('messages.json');
    await enter([note({ target: 'mail' })], { event: 'failed-2' });
    expect(await page()).toBe(before);
    expect(await messageLines(result)).toEqual([]);
    // What was moved aside belongs together.
    const aside = `nightly/earlier/${FIRST_RUN.slice(-8)}`;
    expect((await bench.tree(aside)).sort()).toEqual(['messages.json', 'report.html', 'report.json']);
    expect(await bench.read(`${aside}/report.html`)).toContain('<bdi>ops</bdi>');
  });

  it('a file that was left by another run is not shown by commands', async () => {
    const result = await report(FIRST_RUN);
    await bench.write('nightly/messages.json', JSON.stringify({ version: 1, runId: LATER_RUN, messages: [note()] }));
    expect(await messageLines(result)).toEqual([]);
    await bench.write('nightly/messages.json', JSON.stringify({ version: 1, runId: FIRST_RUN, messages: [note()] }));
    expect(await messageLines(result)).toHaveLength(1);
  });
});

describe('refused, and nothing is written', () => {
  beforeEach(async () => {
    await report(FIRST_RUN);
    await bench.write('theirs/.nightload-owner', JSON.stringify({ workflowId: 'bulk-load/theirs', firstRunId: 'x' }));
    await mkdir(join(folder, '../theirs/run-1aaaaaaa'));
  });
  it.each<[string, () => Promise<void>]>([
    [
      'the folder of another load',
      () => enter([note()], { outputUri: uri('theirs/'), workUri: uri('theirs/run-1aaaaaaa/') }),
    ],
    ['its own report, with a run of another load', () => enter([note()], { workUri: uri('theirs/run-1aaaaaaa/') })],
    [
      'a folder that nobody owns',
      () => enter([note()], { outputUri: uri('free/'), workUri: uri('free/run-1aaaaaaa/') }),
    ],
    ['another run of the load', () => enter([note()], { workUri: uri('nightly/run-2bbbbbbb/') })],
    ['a folder in the run', () => enter([note()], { workUri: uri('nightly/run-1aaaaaaa/first/run-1aaaaaaa/') })],
    ['the results in place of the run', () => enter([note()], { workUri: uri('nightly/') })],
    ['a load that the caller is no child of', () => ((workflowId = 'bulk-load/theirs'), enter([note()]))],
    ['an event that is a path', () => enter([note()], { event: '../../x-1' })],
    ['a workflow that sends no messages of a load', () => enter([note()], { event: 'finished' })],
  ])('%s', async (_, attempt) => {
    const before = [await bench.tree('nightly'), await bench.tree('theirs'), await page()];
    await expect(attempt()).rejects.toMatchObject({ type: 'CALLER_REFUSED', nonRetryable: true });
    expect([await bench.tree('nightly'), await bench.tree('theirs'), await page()]).toEqual(before);
    expect(await bench.tree('.')).not.toContain('free');
  });

  it('more messages than an event has, or others', async () => {
    for (const notes of [Array.from({ length: 101 }, () => note()), [{ ...note(), state: 'x' } as never]]) {
      await expect(enter(notes)).rejects.toMatchObject({ type: 'INVALID_STEP_INPUT' });
    }
  });
});

describe('a results folder in which others may write', () => {
  it('a page that is a link, or gone, is left alone', async () => {
    await report(FIRST_RUN);
    const theirs = join(folder, '../theirs.html');
    await writeFile(theirs, '<!-- messages --><!-- /messages -->');
    const path = join(folder, 'report.html');
    await rm(path);
    await enter([note()]);
    expect(await bench.tree('nightly')).not.toContain('report.html');
    await symlink(theirs, path);
    await enter([note({ target: 'mail' })]);
    expect(await readFile(theirs, 'utf8')).toBe('<!-- messages --><!-- /messages -->');
    await rm(path);
    await link(theirs, path);
    await enter([note({ target: 'chat' })]);
    expect(await readFile(theirs, 'utf8')).toBe('<!-- messages --><!-- /messages -->');
  });

  it('commands show of a crafted file only texts that do no harm', async () => {
    const result = await report(FIRST_RUN);
    const target = `\u001b[31mops; rm -rf /`;
    await bench.write(
      'nightly/messages.json',
      JSON.stringify({ version: 1, runId: FIRST_RUN, messages: [note({ target, code: '\u001b[2J' })] }),
    );
    const [line = ''] = await messageLines(result);
    expect(line).toContain('given up');
    expect(line).not.toContain('\u001b');
    for (const text of ['', '[]', '{"version":1}', 'x'.repeat(300_000)]) {
      await bench.write('nightly/messages.json', text);
      expect(await messageLines(result)).toEqual([]);
    }
  });
});

/** Messages that were not delivered at once, in a report in an object store. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { noteDeliveries } from '../../../../src/activities/notify/note-deliveries.js';
import { messageLines } from '../../../../src/cli/shared/result/message-lines.js';
import type { DeliveryNote } from '../../../../src/contract/notification.js';
import { FileRoots } from '../../../../src/storage/files/file-roots.js';
import { run } from '../../../helpers/activity-harness.js';
import { startS3Server } from '../../../helpers/s3-server.js';
import type { S3Server } from '../../../helpers/s3-server.js';

const LOAD = 'bulk-load/x';
let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
  Object.assign(process.env, server.settings, { NIGHTLOAD_S3_ROOTS: 's3://bucket/results/' });
});
afterAll(() => server.close());

it('are entered into the page and the file, and shown by commands', async () => {
  const records = { total: 1, succeeded: 0, rejected: 1, unprocessed: 0, unaccounted: 0 };
  const report = JSON.stringify({ workflowId: LOAD, runId: 'run-00000001', records });
  server.put('results/x/.nightload-owner', JSON.stringify({ workflowId: LOAD, firstRunId: 'run-00000001' }));
  server.put('results/x/report.json', report);
  server.put('results/x/report.html', '<p><!-- messages --><!-- /messages --></p>');
  server.put('results/x/run-00000001/report-00000001.json', report);
  const note: DeliveryNote = {
    ...{ event: 'failed', target: 'ops', since: '2026-11-30T02:00:10.000Z', state: 'givenUp' },
    ...{ at: '2026-11-30T02:00:11.000Z', code: 'NOTIFY_REFUSED' },
  };
  const roots = await FileRoots.open([process.cwd()], process.env);
  const step = noteDeliveries({ roots } as Parameters<typeof noteDeliveries>[0]);
  const place = { outputUri: 's3://bucket/results/x/', workUri: 's3://bucket/results/x/run-00000001/' };
  const caller = { workflowExecution: { workflowId: `${LOAD}/notify-00000000/failed-1`, runId: 'r' } };
  await run(step, { ...place, notes: [note] }, caller);

  expect(server.text('results/x/report.html')).toMatch(
    /^<p><!-- messages -->.*<bdi>ops<\/bdi>.*<!-- \/messages --><\/p>$/s,
  );
  const files = { succeeded: [], report: 's3://bucket/results/x/report.json' };
  expect(await messageLines({ files, workflowId: LOAD, runId: 'run-00000001' })).toEqual([
    '  message      "failed" to ops: given up 2026-11-30 02:00 UTC (NOTIFY_REFUSED). Check: nightload notify test ops',
  ]);
  expect([...server.objects.keys()].sort()).toContain('results/x/run-00000001/messages/failed-1.json');
});

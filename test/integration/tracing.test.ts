/** Traces of a worker process, sent over HTTP to a receiver of OTLP. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, inject, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import { accounts, FAST, newLoadId } from '../helpers/load-harness.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';

const SPAN = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
});
const EXPORT = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({
        attributes: z.array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) })),
      }),
      scopeSpans: z.array(z.object({ spans: z.array(SPAN) })),
    }),
  ),
});

it('sends one trace for a load, its parts and their steps', { timeout: 90_000 }, async () => {
  const spans: z.infer<typeof SPAN>[] = [];
  const services = new Set<unknown>();
  const receiver = createServer((request, reply) => {
    void request.toArray().then((chunks) => {
      const { resourceSpans } = EXPORT.parse(JSON.parse(Buffer.concat(chunks as Buffer[]).toString()));
      for (const { resource, scopeSpans } of resourceSpans) {
        services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value['stringValue']);
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      }
      reply.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => receiver.once('listening', done));
  onTestFinished(() => void receiver.close().closeAllConnections());
  const world = await startTestEnvironment({ address: inject('temporalAddress'), worker: false });
  onTestFinished(() => world.close());
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const worker = await startWorkerProcess(
    {
      ...{ TEMPORAL_ADDRESS: world.address, NIGHTLOAD_TASK_QUEUE: world.taskQueue },
      ...{ SF_INSTANCE_URL: world.org.url, SF_ACCESS_TOKEN: world.org.token },
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    },
    world.folder,
  );
  onTestFinished(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
  });
  const input = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', ...FAST } as const;
  const load = { ...input, loadId: newLoadId('t'), source: await world.csv('rows.csv', accounts(3)) };
  const handle = await startBulkLoad(world.client, load, { taskQueue: world.taskQueue });
  // A trace that nobody can read stops no load.
  const hostile = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{{{') };
  await world.connection.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId },
    signalName: 'pollNow',
    header: { fields: { '_tracer-data': hostile } },
  });
  expect((await handle.result()).state).toBe('Completed');
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
  expect([...services]).toEqual(['nightload']);
  const root = spans.find(({ name }) => name === 'RunWorkflow:bulkLoad');
  const ofLoad = spans.filter(({ traceId }) => traceId === root?.traceId).map(({ name }) => name);
  for (const step of [
    'RunActivity:planLoad',
    'RunWorkflow:ingestJob',
    'RunActivity:uploadPart',
    'RunActivity:writeReport',
  ]) {
    expect(ofLoad).toContain(step);
  }
  const text = JSON.stringify(spans);
  expect(text).not.toContain(world.org.token);
});

it('explains an endpoint that is not a URL', async () => {
  const command = nightload(['worker'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    SF_INSTANCE_URL: 'http://127.0.0.1:9',
    SF_ACCESS_TOKEN: 'x',
  });
  expect(await command.ended).toBe(1);
  expect(command.stderr()).toContain('TRACING_ENDPOINT_INVALID: OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL');
});

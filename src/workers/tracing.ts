/**
 * OpenTelemetry traces of a worker: a span for each workflow, step and message, with the SDK's own interceptors. Off
 * without an endpoint; the packages are loaded only with one.
 */
import { createRequire } from 'node:module';
import type { WorkerOptions } from '@temporalio/worker';
import { NightloadError } from '../errors.js';
import { VERSION } from '../runtime/version.js';

export interface Tracing {
  plugins: NonNullable<WorkerOptions['plugins']>;
  /** To bundle with the workflows: without them, steps would not belong to the trace of their load. */
  workflowModules: string[];
  /** Sends what is left. */
  close(): Promise<void>;
}

const NAMES = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
const WORKFLOW_MODULE = '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors';
const CLOSE_LIMIT_MS = 3_000;

/**
 * @returns undefined if no endpoint is set
 * @throws NightloadError `TRACING_ENDPOINT_INVALID`
 */
export async function openTracing(env: NodeJS.ProcessEnv): Promise<Tracing | undefined> {
  const name = NAMES.find((one) => env[one]?.trim());
  if (name === undefined) return undefined;
  const endpoint = env[name]?.trim() ?? '';
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    // Not repeated: it may contain a password.
    throw new NightloadError(
      'TRACING_ENDPOINT_INVALID',
      `${name} is not an http(s) URL, such as http://127.0.0.1:4318.`,
    );
  }
  const [{ OpenTelemetryPlugin }, { OTLPTraceExporter }, trace, { Resource }, contexts] = await Promise.all([
    import('@temporalio/interceptors-opentelemetry'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/context-async-hooks'),
  ]);
  // It reads the endpoint, headers and limits from OpenTelemetry's own variables.
  const spanProcessor = new trace.BatchSpanProcessor(new OTLPTraceExporter());
  const resource = new Resource({
    'service.name': env['OTEL_SERVICE_NAME'] || 'nightload',
    'service.version': VERSION,
  });
  const provider = new trace.BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  // With the default propagator, they carry a trace from workflows to their steps.
  provider.register({ contextManager: new contexts.AsyncLocalStorageContextManager().enable() });
  const tracer = provider.getTracer('nightload');
  return {
    plugins: [new OpenTelemetryPlugin({ resource, spanProcessor, tracer })],
    workflowModules: [createRequire(import.meta.url).resolve(WORKFLOW_MODULE)],
    async close() {
      const limit = new Promise<void>((done) => setTimeout(done, CLOSE_LIMIT_MS).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), limit]);
    },
  };
}

/**
 * The SDK's own Prometheus exporter. It serves nothing but `/metrics`, so it listens on a private loopback port, and
 * the worker's HTTP server passes its text on.
 */
import type { TelemetryOptions } from '@temporalio/worker';
import { request } from 'undici';
import { freePort } from '../../runtime/free-port.js';
import { METRICS } from '../../domain/metrics.js';

export interface SdkExporter {
  /** For `Runtime.install`. */
  options: NonNullable<TelemetryOptions['metrics']>;
  /**
   * The metrics in Prometheus' text format.
   * @throws Error if the exporter does not answer in time
   */
  read(): Promise<string>;
}

const LOOPBACK = '127.0.0.1';
const READ_LIMIT_MS = 3_000;
/** About 100,000 series. */
const MAX_BYTES = 16_000_000;

/** Not in use until the runtime is installed with its options. */
export async function sdkExporter(): Promise<SdkExporter> {
  // The SDK does not report which port it got, so the port is chosen before.
  const port = await freePort();
  const url = `http://${LOOPBACK}:${port}/metrics`;
  return {
    options: {
      prometheus: {
        bindAddress: `${LOOPBACK}:${port}`,
        useSecondsForDurations: true,
        histogramBucketOverrides: buckets(),
      },
    },
    async read() {
      const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(READ_LIMIT_MS) });
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > MAX_BYTES) throw new Error(`the metrics exceed ${MAX_BYTES} bytes`);
        chunks.push(chunk);
      }
      if (statusCode !== 200) throw new Error(`the SDK's exporter answered with status ${statusCode}`);
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}

function buckets(): Record<string, number[]> {
  const histograms: Record<string, number[]> = {};
  for (const [name, metric] of Object.entries(METRICS)) {
    if (metric.kind === 'histogram') histograms[name] = [...metric.buckets];
  }
  return histograms;
}

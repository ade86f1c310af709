/** The SDK's log of a worker process, on stderr. */
import { DefaultLogger } from '@temporalio/worker';
import type { LogLevel } from '@temporalio/worker';
import { inspect } from 'node:util';
import { printable } from '../plain-text.js';

/** The worker of the files queue has activities only, on purpose. */
const EXPECTED = 'No workflows registered, not polling for workflow tasks';

export function workerLogger(level: LogLevel): DefaultLogger {
  return new DefaultLogger(level, ({ timestampNanos, level: entryLevel, message, meta }) => {
    if (message === EXPECTED) return;
    const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
    const more = meta === undefined ? '' : ` ${inspect(meta, { breakLength: Infinity })}`;
    process.stderr.write(`${time} [${entryLevel}] ${printable(message + more)}\n`);
  });
}

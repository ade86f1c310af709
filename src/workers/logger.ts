/** The SDK's log of a worker process, on stderr. */
import { DefaultLogger } from '@temporalio/worker';
import type { LogLevel } from '@temporalio/worker';
import { inspect } from 'node:util';
import { printable } from '../plain-text.js';

/** Lines that tell who did what are written whatever the level. */
const ORDER: readonly LogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'];

/** The worker of the files queue has activities only, on purpose. */
const EXPECTED = 'No workflows registered, not polling for workflow tasks';

export function workerLogger(level: LogLevel): DefaultLogger {
  const least = ORDER.indexOf(level);
  const lowest = ORDER[Math.min(least, ORDER.indexOf('INFO'))] ?? 'INFO';
  return new DefaultLogger(lowest, ({ timestampNanos, level: entryLevel, message, meta }) => {
    const isAudit = (meta as { audit?: unknown } | undefined)?.audit === true;
    if (message === EXPECTED || (ORDER.indexOf(entryLevel) < least && !isAudit)) return;
    const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
    const more = meta === undefined ? '' : ` ${inspect(meta, { breakLength: Infinity })}`;
    process.stderr.write(`${time} [${entryLevel}] ${printable(message + more)}\n`);
  });
}

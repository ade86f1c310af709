/** A worker with a JSON log: each line that its process writes is JSON, also those of Node.js and of libraries. */
import { logLine } from '../../workers/logger.js';
import { sayAs } from './output.js';
import type { Level } from './output.js';

export function logAsJson(): void {
  const line = (message: string, level: Level, meta: Record<string, unknown> = {}): string =>
    logLine({ message, level, meta, timestampNanos: BigInt(Date.now()) * 1_000_000n }, 'json');
  const write = (...entry: Parameters<typeof line>): void => void process.stderr.write(`${line(...entry)}\n`);
  sayAs(line);
  // Node.js would print them as text.
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => write(`${name}: ${message}`, 'WARN'));
  process.on('uncaughtException', (error) => {
    write('The worker ends because of an unexpected error.', 'ERROR', { error });
    process.exit(1);
  });
}

/** The worker process's log, on stderr: the SDK's lines, those of its native core, and ours, as plain text or as JSON. */
import { DefaultLogger } from '@temporalio/worker';
import type { LogEntry, LogLevel, RuntimeOptions, TelemetryOptions } from '@temporalio/worker';
import { inspect } from 'node:util';
import { printable, printableJson } from '../domain/text/plain-text.js';
import { NightloadError } from '../errors.js';

const LEVELS: readonly LogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'];
const FORMATS = ['text', 'json'] as const;

/** The worker of the files queue has activities only, on purpose. */
const EXPECTED = 'No workflows registered, not polling for workflow tasks';

/** Attributes without use for an operator, or too powerful for a log: with a task token an activity can be completed. */
const LEFT_OUT: ReadonlySet<string> = new Set(['sdkComponent', 'taskToken', 'namespace', 'isLocal']);

/** How the log is written. */
export interface LogSettings {
  /** Of the lines that are written, at least WARN of the core's. */
  level: LogLevel;
  /** Audit lines at any level; false if no org is involved. @default true */
  audit?: boolean;
  format: (typeof FORMATS)[number];
}

/**
 * From `NIGHTLOAD_LOG_LEVEL` (default `info`) and `NIGHTLOAD_LOG_FORMAT` (default `text`).
 * @throws NightloadError `LOG_SETTING_INVALID`
 */
export function logSettings(env: NodeJS.ProcessEnv): LogSettings {
  const of = <T extends string>(name: string, values: readonly T[], fallback: T): T => {
    const given = env[name];
    const value = given ? values.find((one) => one.toLowerCase() === given.toLowerCase()) : fallback;
    if (value !== undefined) return value;
    const known = values.map((one) => one.toLowerCase()).join(', ');
    throw new NightloadError('LOG_SETTING_INVALID', `${name} is ${shown(given)}; use one of ${known}.`);
  };
  return {
    level: of('NIGHTLOAD_LOG_LEVEL', LEVELS, 'INFO'),
    format: of('NIGHTLOAD_LOG_FORMAT', FORMATS, 'text'),
  };
}

const shown = (text: string | undefined): string => JSON.stringify((text ?? '').slice(0, 20));

/**
 * For `Runtime.install`. The core would write its lines itself, to stdout and in colors; here it hands them over.
 * @param metrics how metrics are exported; @default not
 */
export function workerLog(
  { level, format, audit = true }: LogSettings,
  metrics?: TelemetryOptions['metrics'],
): Pick<RuntimeOptions, 'logger' | 'telemetryOptions'> {
  const least = LEVELS.indexOf(level);
  const lowest = LEVELS[Math.min(least, LEVELS.indexOf('INFO'))] ?? 'INFO';
  const logger = new DefaultLogger(lowest, (entry) => {
    const isAudit = audit && (entry.meta as { audit?: unknown } | undefined)?.audit === true;
    if (entry.message === EXPECTED || (LEVELS.indexOf(entry.level) < least && !isAudit)) return;
    process.stderr.write(`${logLine(entry, format)}\n`);
  });
  const logging = { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } as const;
  return { logger, telemetryOptions: { logging, ...(metrics && { metrics }) } };
}

/** One event of the log, without its line end. */
export function logLine({ timestampNanos, level, message, meta }: LogEntry, format: LogSettings['format']): string {
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const attributes = Object.fromEntries(Object.entries(meta ?? {}).filter(([name]) => !LEFT_OUT.has(name)));
  if (format === 'json') return printableJson(jsonOf({ time, level, message, ...attributes }));
  const more = Object.keys(attributes).length === 0 ? '' : ` ${inspect(attributes, { breakLength: Infinity })}`;
  return `${time} [${level}] ${logText(message + more)}`;
}

function jsonOf(line: Record<string, unknown>): string {
  try {
    return JSON.stringify(line, plainValue);
  } catch {
    const { time, level, message, ...attributes } = line;
    return JSON.stringify({ time, level, message, attributes: inspect(attributes, { breakLength: Infinity }) });
  }
}

/** What JSON has no value for. An error's own fields are few and ours; its stack says where. */
function plainValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const type = (value as { type?: unknown }).type;
  return { name, ...(typeof type === 'string' && { type }), message, stack, ...(cause instanceof Error && { cause }) };
}

/** Texts of others steer no terminal, and what follows a line end of theirs looks like no line of the log. */
export function logText(text: string): string {
  return printable(text).replaceAll('\n', '\n  ');
}

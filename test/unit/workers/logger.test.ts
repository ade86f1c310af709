/** Lines of the worker's log: what they omit, and invalid settings. */
import { ApplicationFailure } from '@temporalio/common';
import type { LogEntry } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { logLine, logSettings } from '../../../src/workers/logger.js';

function entry(meta: Record<string, unknown>): LogEntry {
  return { level: 'INFO', message: 'part uploading', timestampNanos: 1_000_000_000_000_000_000n, meta } as LogEntry;
}

const META = {
  ...{ sdkComponent: 'worker', taskToken: 'dGVzdA==', namespace: 'default', workflowId: 'bulk-load/x/part-1' },
  ...{ loadId: 'x', part: 1, jobId: '7500000000000AAAAA' },
};

describe('a line', () => {
  it('is text with the ids of the load, without a task token', () => {
    expect(logLine(entry(META), 'text')).toBe(
      "2001-09-09T01:46:40.000Z [INFO] part uploading { workflowId: 'bulk-load/x/part-1', loadId: 'x', part: 1, jobId: '7500000000000AAAAA' }",
    );
  });

  it('is a JSON object', () => {
    expect(JSON.parse(logLine(entry(META), 'json'))).toEqual({
      ...{ time: '2001-09-09T01:46:40.000Z', level: 'INFO', message: 'part uploading' },
      ...{ workflowId: 'bulk-load/x/part-1', loadId: 'x', part: 1, jobId: '7500000000000AAAAA' },
    });
  });

  it('contains an error as name, type, message and cause', () => {
    const cause = new Error('reset by peer');
    const error = ApplicationFailure.create({ type: 'UPLOAD_FAILED', message: 'stopped', cause, details: [{ x: 1 }] });
    const line = JSON.parse(logLine(entry({ error }), 'json')) as { error: Record<string, unknown> };
    expect(line.error).toMatchObject({
      type: 'UPLOAD_FAILED',
      message: 'stopped',
      cause: { message: 'reset by peer' },
    });
    expect(line.error).not.toHaveProperty('details');
  });

  it('is written for any attributes', () => {
    const ring: Record<string, unknown> = { size: 5n };
    ring['self'] = ring;
    const line = logLine(entry({ ring }), 'json');
    expect(JSON.parse(line)).toMatchObject({ message: 'part uploading' });
    expect(logLine(entry({ bytes: 5n }), 'json')).toContain('"bytes":"5"');
  });

  it.each(['text', 'json'] as const)('as %s cannot control a terminal or start another line', (format) => {
    const line = logLine(entry({ by: '\u001b[31mred\u009b\r\n2026-01-01T00:00:00.000Z [INFO] audit: start' }), format);
    expect(line.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(line).not.toMatch(/^2026/m);
  });
});

describe('settings', () => {
  it('default to info and text', () => {
    expect(logSettings({})).toEqual({ level: 'INFO', format: 'text' });
    expect(logSettings({ NIGHTLOAD_LOG_LEVEL: '', NIGHTLOAD_LOG_FORMAT: '' })).toEqual(logSettings({}));
  });

  it('are read in any letter case', () => {
    const env = { NIGHTLOAD_LOG_LEVEL: 'Warn', NIGHTLOAD_LOG_FORMAT: 'JSON' };
    expect(logSettings(env)).toEqual({ level: 'WARN', format: 'json' });
  });

  it.each([
    [{ NIGHTLOAD_LOG_LEVEL: 'loud' }, 'NIGHTLOAD_LOG_LEVEL is "loud"; use one of trace, debug, info, warn, error.'],
    [{ NIGHTLOAD_LOG_FORMAT: 'xml' }, 'NIGHTLOAD_LOG_FORMAT is "xml"; use one of text, json.'],
  ])('refuses %o', (env, message) => {
    expect(() => logSettings(env)).toThrow(expect.objectContaining({ code: 'LOG_SETTING_INVALID', message }) as Error);
  });
});

/** What the sender tests share: a message, and notes of when the caller was asked. */
import type { NotifyMessage } from '../../../src/contract/notification.js';
import { NotifyError } from '../../../src/notify/notify-error.js';
import type { SendOptions } from '../../../src/notify/sending.js';

export const MESSAGE: NotifyMessage = {
  id: 'bulk-load/nightly/7f1c/failed',
  event: 'failed',
  at: '2026-11-30T02:14:09.000Z',
  loadId: 'nightly',
  workflowId: 'bulk-load/nightly',
  runId: '7f1c',
  connection: 'default',
  object: 'Account',
  operation: 'upsert',
  state: 'Failed',
  records: { total: 10, succeeded: 4, rejected: 1, unprocessed: 5, unaccounted: 0 },
  error: { code: 'LOGIN_UNREACHABLE', message: 'No access token from https://login.example: ECONNREFUSED.' },
};

export interface Notes extends SendOptions {
  notes: number;
}

export function noting(more: Partial<SendOptions> = {}): Notes {
  const options: Notes = {
    notes: 0,
    aboutToSend: () => {
      options.notes += 1;
      return Promise.resolve();
    },
    ...more,
  };
  return options;
}

export interface Failure {
  code: string;
  retryable: boolean;
  maybeSent: boolean;
  retryAfterMs: number | undefined;
  message: string;
}

export async function failureOf(sent: Promise<unknown>): Promise<Failure> {
  const error = await sent.then(
    () => new Error('This should have failed, but it succeeded.'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof NotifyError)) throw error;
  const { code, retryable, maybeSent, retryAfterMs, message } = error;
  return { code, retryable, maybeSent, retryAfterMs, message };
}

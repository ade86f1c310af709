/** The JSON that a webhook and a program receive: the same bytes at every repetition. Pure. */
import type { NotifyMessage } from '../../contract/notification.js';
import { plainText } from '../../domain/text/plain-text.js';
import { asPlainText, messageText } from '../message-text.js';

const MAX_TEXT = 2_000;

/** The fields in a fixed order, and no others. */
export function webhookBody(message: NotifyMessage): string {
  return JSON.stringify(ordered(message));
}

/** One line: also in words, for a program that passes them on. */
export function programInput(message: NotifyMessage, isTest = false): string {
  const text = messageText(message, isTest);
  return `${JSON.stringify({ ...ordered(message), subject: text.subject, text: asPlainText(text), ...(isTest && { test: true }) })}\n`;
}

/** JSON leaves out what is undefined. */
function ordered(message: NotifyMessage): Record<string, unknown> {
  const { records, error, waitingFor, forecast } = message;
  return {
    id: message.id,
    event: message.event,
    at: message.at,
    dueAt: message.dueAt,
    loadId: message.loadId,
    workflowId: message.workflowId,
    runId: message.runId,
    schedule: message.schedule,
    connection: message.connection,
    object: message.object,
    operation: message.operation,
    state: message.state,
    records: records && {
      total: records.total,
      succeeded: records.succeeded,
      rejected: records.rejected,
      unprocessed: records.unprocessed,
      unaccounted: records.unaccounted,
    },
    error: error && { code: error.code, message: plainText(error.message, MAX_TEXT) },
    waitingFor: waitingFor === undefined ? undefined : plainText(waitingFor, MAX_TEXT),
    forecast: forecast && { endsAt: forecast.endsAt, finishBy: forecast.finishBy },
    report: message.report,
    uiUrl: message.uiUrl,
  };
}

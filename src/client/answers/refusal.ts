/** A load's refusal of an update. */
import type { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { innermostFailure, toLoadError } from '../../domain/failures.js';
import { plainText } from '../../domain/text/plain-text.js';
import { codeOr } from '../../domain/text/shown-code.js';
import { NightloadError } from '../../errors.js';
import { notReadable } from './shapes.js';

/** A list of titles may be in the message. */
const MAX_MESSAGE = 4_000;

/** `LOAD_UNREADABLE` if it has no code: then it is not a load's, and its words are not repeated. */
export function refusalOf(workflowId: string, error: WorkflowUpdateFailedError): NightloadError {
  const { code, message } = toLoadError(error.cause);
  const cause = innermostFailure(error.cause);
  if (code === 'UNEXPECTED' && cause instanceof ApplicationFailure && cause.type !== code) {
    return notReadable(`The answer of ${workflowId} to the update \`submitCorrections\``, 'it has no code', error);
  }
  return new NightloadError(codeOr(code, 'CORRECTIONS_REFUSED'), plainText(message, MAX_MESSAGE), { cause: error });
}

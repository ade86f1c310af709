/**
 * The input of a load as it arrived: anything, from anyone. It is refused inside the workflow, with a result that says
 * why; no input makes the first task fail again and again.
 */
import { workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput } from '../../contract/load-input.js';
import { LOAD_ID_PATTERN } from '../../contract/names.js';
import { bytesOf, isText } from '../../domain/text/shown.js';
import { resolveInput } from '../../domain/input/resolve-input.js';
import type { LoadSettings } from '../../domain/input/resolve-input.js';
import { checkSizes, isObject, refuse, withoutNulls } from '../../domain/input/fields.js';
import { datedSource, isTimeZone } from '../../domain/input/source-template.js';
import { dueAt } from '../support/schedule.js';

/** Temporal permits 1,000 bytes; parts, retries and their repetitions add to the id of their load. */
const MAX_ID_BYTES = 900;
/** Characters of a refused input that the result shows. */
const MAX_REPEATED = 200;

export interface ReadInput {
  /** As the load runs with it; for a refused input only what names the load. */
  input: BulkLoadInput;
  /** @throws NightloadError `INVALID_INPUT` with the reason */
  settings: () => LoadSettings;
}

export function readInput(given: unknown, workflowId: string): ReadInput {
  try {
    if (!isObject(given)) refuse('The input must be an object with source, object and operation.');
    checkSizes(given);
    const bytes = bytesOf(workflowId);
    if (bytes > MAX_ID_BYTES)
      refuse(`The workflow id has ${bytes} bytes; the maximum is ${MAX_ID_BYTES}, to which parts add.`);
    const input = withDatedSource(withoutNulls(given as BulkLoadInput));
    const settings = resolveInput(input, workflowId);
    return { input, settings: () => settings };
  } catch (refused) {
    const settings = (): never => {
      throw refused;
    };
    return { input: nameOnly(given), settings };
  }
}

/** The input with the dated source name resolved. An invalid time zone is refused later, with the rest of the input. */
function withDatedSource(input: BulkLoadInput): BulkLoadInput {
  const { source, timeZone = 'UTC' } = input;
  if (typeof source !== 'string' || !isTimeZone(timeZone)) return input;
  return { ...input, source: datedSource(source, dueAt(workflowInfo()), timeZone) };
}

function nameOnly(given: unknown): BulkLoadInput {
  const { source, object, operation, loadId } = (isObject(given) ? given : {}) as Record<string, unknown>;
  const text = (value: unknown): string => (isText(value, MAX_REPEATED) ? value : '');
  return {
    source: text(source),
    object: text(object),
    operation: text(operation) as BulkLoadInput['operation'],
    ...(isText(loadId, MAX_REPEATED) && LOAD_ID_PATTERN.test(loadId) && { loadId }),
  };
}

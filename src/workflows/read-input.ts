/**
 * The input of a load as it came: anything, from anybody. What is refused is refused inside of the workflow, with a
 * result that says so; nothing that was sent makes its first task fail again and again.
 */
import type { BulkLoadInput } from '../contract.js';
import { LOAD_ID_PATTERN } from '../contract.js';
import { isText } from '../domain/shown.js';
import { resolveInput } from './input.js';
import type { LoadSettings } from './input.js';
import { checkSizes, isObject, refuse, withoutNulls } from './input-fields.js';
import { withDatedSource } from './wait-for-source.js';

/** Of a refused input that is shown in the result. */
const MAX_REPEATED = 200;

export interface ReadInput {
  /** As the load runs with it; of a refused one only what names the load. */
  input: BulkLoadInput;
  /** @throws NightloadError `INVALID_INPUT` why it is refused */
  settings: () => LoadSettings;
}

export function readInput(given: unknown, workflowId: string): ReadInput {
  try {
    if (!isObject(given)) refuse('The input must be an object with source, object and operation.');
    checkSizes(given);
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

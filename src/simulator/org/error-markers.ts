/**
 * Markers in square brackets in a cell that make its row fail: for people, and for tests in other processes, which
 * cannot set a rule in the org.
 */
import { LOCKED, NO_ACCESS, NO_ACCESS_TO_PARENT } from './row-errors.js';

const TRIES: Record<string, number> = { once: 1, twice: 2 };

function triggerFailed(object: string, cause: string): string {
  const trigger = `${object.replace(/__c$/, '')}Trigger`;
  return `CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:${trigger}: execution of BeforeUpdate\n\ncaused by: ${cause}\n\nTrigger.${trigger}: line 12, column 1:--`;
}

const LOCK_IN_TRIGGER =
  'System.DmlException: Update failed. First exception on row 0 with id 001000000000001AAA; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record or 1 records: 001000000000001AAA: []';
const FAULT_IN_TRIGGER = 'System.NullPointerException: Attempt to de-reference a null object';

function flowFailed(object: string, cause: string): string {
  const flow = `${object.replace(/__c$/, '')}_After_Save`;
  return `CANNOT_EXECUTE_FLOW_TRIGGER:We can't save this record because the “${flow}” process failed. Give your Salesforce admin these details. This error occurred when the flow tried to update records: ${cause} You can look up ExceptionCode values in the SOAP API Developer Guide.:--`;
}

const LOCK_IN_FLOW =
  'UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or 1 records: 001000000000001AAA.';
const FAULT_IN_FLOW = 'FIELD_CUSTOM_VALIDATION_EXCEPTION: the account is closed.';

interface Marker {
  pattern: RegExp;
  error: (found: RegExpExecArray, object: string) => string;
}

/** The first group, if any, sets how often the row fails: `once`, `twice`, else always. */
const MARKERS: readonly Marker[] = [
  { pattern: /\[(?:locked (once|twice)|always locked)\]/, error: () => LOCKED },
  {
    pattern: /\[trigger (?:locked (once|twice)|always locked)\]/,
    error: (_found, object) => triggerFailed(object, LOCK_IN_TRIGGER),
  },
  {
    pattern: /\[trigger fails(?: (once|twice))?\]/,
    error: (_found, object) => triggerFailed(object, FAULT_IN_TRIGGER),
  },
  {
    pattern: /\[flow (?:locked (once|twice)|always locked)\]/,
    error: (_found, object) => flowFailed(object, LOCK_IN_FLOW),
  },
  {
    pattern: /\[flow fails(?: (once|twice))?\]/,
    error: (_found, object) => flowFailed(object, FAULT_IN_FLOW),
  },
  { pattern: /\[no access\]/, error: () => NO_ACCESS },
  { pattern: /\[no access to parent\]/, error: () => NO_ACCESS_TO_PARENT },
  {
    pattern: /\[error (?:(once|twice) )?([A-Za-z_]+)(?:: ([^\][]*))?\]/,
    error: ([, , code = '', message = '']) => `${code}:${message}:--`,
  },
];

/** Counts attempts of rows with a marker, over all jobs. */
export class Markers {
  readonly #tries = new Map<string, number>();

  /** The error for this attempt of the row. @param key identifies the row across jobs */
  errorOf(object: string, cells: readonly string[], key: () => string): string | undefined {
    for (const cell of cells) {
      if (!cell.includes('[')) continue;
      for (const { pattern, error } of MARKERS) {
        const found = pattern.exec(cell);
        if (found === null) continue;
        const name = `${object} ${pattern.source} ${key()}`;
        const before = this.#tries.get(name) ?? 0;
        this.#tries.set(name, before + 1);
        return before < (TRIES[found[1] ?? ''] ?? Infinity) ? error(found, object) : undefined;
      }
    }
    return undefined;
  }
}

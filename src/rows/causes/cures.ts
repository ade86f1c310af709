/** What would make rejected rows land: a fix rule, or something that a person does. Pure. */
import type { RowFix } from '../../contract/corrections.js';
import type { Operation } from '../../contract/names.js';
import { COLUMN_NAME } from '../../domain/name-and-number-limits.js';
import { classify, mayPassUnchanged } from '../../domain/platform/row-errors.js';
import type { RowClass, RowError } from '../../domain/platform/row-errors.js';

export interface PlannedCure {
  text: string;
  /** Changes these rows; for `replace` the values are added once they are counted. */
  rule?: RowFix;
}

/** The value that a person puts in a rule's table. */
export const NEW_VALUE = 'NEW VALUE';

const AGAIN = 'then load the rejected file as it is';

const STEPS: Partial<Record<RowClass, string>> = {
  transient: `Nothing is wrong with these rows: load the rejected file again when the org is calmer, with \`--parallel 1\` if records were locked.`,
  'order-dependent': `A record that these rows refer to does not exist, or has another key. Load the parent records first, ${AGAIN}.`,
  business:
    'A trigger, a flow or a process of the org refuses these rows. Show the message to its owner; when it is fixed, load the rejected file as it is, or correct the rows.',
  permanent: `The user of the connection may not do this. Ask an administrator for the permission, ${AGAIN}.`,
  stop: `The org accepts no more rows. Free storage, or raise the limit, ${AGAIN}.`,
  'already-done': 'These records are already in the requested state. Nothing to do.',
};

const CODE_STEPS: Readonly<Record<string, string>> = {
  DUPLICATE_VALUE:
    'Another record has this unique value. Load as an upsert by that field to update it, or correct the value.',
  DUPLICATE_EXTERNAL_ID:
    'Several records of the org have this external id. Merge or delete the surplus ones in the org, then load the rejected file as it is.',
  DUPLICATES_DETECTED:
    'A duplicate rule of the org refuses these rows. Update the existing records instead, or ask an administrator to let the user bypass the rule, then load the rejected file as it is.',
  DUPLICATE_KEY_IN_FILE:
    'The file has several rows with this key. Keep the newer one in the rejected file, then load it.',
  FIELD_CUSTOM_VALIDATION_EXCEPTION:
    'A validation rule of the org refuses these rows: its message says why. Correct the rows in the rejected file, or ask for a change of the rule, then load the file.',
  INCOMPLETE_RESULT_ROW:
    'Salesforce returned these rows without all their columns. Take them from the source and load them again.',
};

/** @param inFile whether the file has a column for the field that the error names */
export function cureFor(error: RowError, operation: Operation, inFile: boolean): PlannedCure {
  const { code = '' } = error;
  const rowClass = classify(error);
  const [field] = error.fields;
  const named = field !== undefined && COLUMN_NAME.test(field) ? { field } : undefined;
  if (rowClass === 'data' && named !== undefined) {
    const cure = ruleCure(code, named.field, inFile);
    if (cure !== undefined) return cure;
  }
  const own = Object.hasOwn(CODE_STEPS, code) ? CODE_STEPS[code] : undefined;
  if (own !== undefined && (rowClass === 'data' || rowClass === 'unknown')) return { text: own };
  if (mayPassUnchanged(rowClass, operation)) return { text: STEPS[rowClass] as string };
  const step = STEPS[rowClass];
  if (step !== undefined) return { text: step };
  const where = named === undefined ? 'the rows' : `\`${named.field}\``;
  return { text: `Read the message, correct ${where} in the rejected file, then load it.` };
}

/** Undefined when the value must be looked at. */
function ruleCure(code: string, field: string, inFile: boolean): PlannedCure | undefined {
  if (code === 'REQUIRED_FIELD_MISSING') {
    return inFile
      ? {
          text: `A rule can fill empty cells of \`${field}\` with one value for all rows.`,
          rule: { code, field, do: 'replace', values: { '': NEW_VALUE } },
        }
      : { text: `The file has no column for \`${field}\`. Load the rejected file with \`--set '${field}=value'\`.` };
  }
  if (!inFile) return undefined;
  if (code === 'STRING_TOO_LONG') {
    return { text: `A rule can cut \`${field}\` to its maximum length.`, rule: { code, field, do: 'truncate' } };
  }
  if (code === 'INVALID_EMAIL_ADDRESS') {
    return { text: `A rule can clear \`${field}\` in these rows.`, rule: { code, field, do: 'blank' } };
  }
  if (code === 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST') {
    return {
      text: `A rule can replace these values of \`${field}\`: write the right value for each.`,
      rule: { code, field, do: 'replace', values: {} },
    };
  }
  return undefined;
}

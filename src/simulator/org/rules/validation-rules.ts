/** Validation rules of an org's folder. */
import { compileRule } from '../../formula/compile.js';
import { EvaluationError } from '../../formula/evaluation-error.js';
import { Unsupported } from '../../formula/unsupported.js';
import type { Env } from '../../formula/values.js';
import type { ValidationRuleEntry } from '../../org-folder/object-file.js';
import { RECORD_TYPE_FIELD } from '../fields.js';
import type { SObject } from '../fields.js';
import { aboutField } from '../row-errors.js';
import { recordTypeOf } from './record-types.js';
import type { Write } from './write.js';

interface ValidationRule {
  name: string;
  error: string;
  isBroken: (env: Env) => boolean;
}

export class ValidationRules {
  readonly #rules: ValidationRule[] = [];
  /** Active rules that are not applied, with the reason. */
  readonly unsupported: { name: string; reason: string }[] = [];

  constructor(object: SObject, entries: readonly ValidationRuleEntry[]) {
    for (const entry of entries) {
      if (!entry.active) continue;
      try {
        this.#rules.push({ name: entry.name, error: errorOf(entry), isBroken: compileRule(entry.formula, object) });
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        this.unsupported.push({ name: entry.name, reason: error.message });
      }
    }
  }

  /** The error of the first rule that is broken, or that has no result for this record. */
  refuse(write: Write): string | undefined {
    if (this.#rules.length === 0) return undefined;
    const { object } = write.table;
    const env: Env = {
      after: (field) => write.valueAfter(field),
      before: (field) => write.valueBefore(field),
      isNew: write.record === 0,
      now: write.now,
      recordType: (part) => recordTypeOf(object, write.after(RECORD_TYPE_FIELD))?.[part] ?? '',
    };
    for (const rule of this.#rules) {
      const error = errorFor(rule, env);
      if (error !== undefined) return error;
    }
    return undefined;
  }
}

const CODE = 'FIELD_CUSTOM_VALIDATION_EXCEPTION';

function errorFor({ name, error, isBroken }: ValidationRule, env: Env): string | undefined {
  try {
    return isBroken(env) ? error : undefined;
  } catch (failure) {
    if (!(failure instanceof EvaluationError)) throw failure;
    return `${CODE}:Validation Formula "${name}" Invalid (${failure.message}):--`;
  }
}

function errorOf({ errorMessage, errorDisplayField }: ValidationRuleEntry): string {
  if (errorDisplayField == null) return `${CODE}:${errorMessage}:--`;
  return aboutField(CODE, errorMessage, { name: errorDisplayField });
}

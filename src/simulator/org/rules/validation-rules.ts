/** Validation rules of an org's folder. */
import { compileRule } from '../../formula/compile.js';
import { EvaluationError } from '../../formula/evaluation-error.js';
import { UnknownValue } from '../../formula/unknown-value.js';
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
  /** Rows for which it was not evaluated. */
  skippedRows: number;
  /** Fields whose values were unknown then. */
  unknownFields: Set<string>;
}

/** A rule that was not evaluated for some rows: they change records of which nothing is known. */
export interface SkippedRule {
  name: string;
  rows: number;
  /** Fields that the rule reads and the rows do not write. */
  fields: string[];
}

export class ValidationRules {
  readonly #rules: ValidationRule[] = [];
  /** Active rules that are not applied, with the reason. */
  readonly unsupported: { name: string; reason: string }[] = [];

  constructor(object: SObject, entries: readonly ValidationRuleEntry[]) {
    for (const entry of entries) {
      if (!entry.active) continue;
      try {
        this.#rules.push({
          name: entry.name,
          error: errorOf(entry),
          isBroken: compileRule(entry.formula, object),
          skippedRows: 0,
          unknownFields: new Set(),
        });
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
      after: (field) => write.knownAfter(field),
      before: (field) => write.knownBefore(field),
      isNew: write.record === 0,
      now: write.now,
      recordType: (part) => recordTypeOf(object, write.knownNamed(RECORD_TYPE_FIELD))?.[part] ?? '',
    };
    for (const rule of this.#rules) {
      const error = errorFor(rule, env);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  get skipped(): SkippedRule[] {
    return this.#rules
      .filter(({ skippedRows }) => skippedRows > 0)
      .map(({ name, skippedRows: rows, unknownFields }) => ({ name, rows, fields: [...unknownFields].sort() }));
  }
}

const CODE = 'FIELD_CUSTOM_VALIDATION_EXCEPTION';

function errorFor(rule: ValidationRule, env: Env): string | undefined {
  try {
    return rule.isBroken(env) ? rule.error : undefined;
  } catch (failure) {
    if (failure instanceof EvaluationError) {
      return `${CODE}:Validation Formula "${rule.name}" Invalid (${failure.message}):--`;
    }
    if (!(failure instanceof UnknownValue)) throw failure;
    rule.skippedRows++;
    rule.unknownFields.add(failure.field);
    return undefined;
  }
}

function errorOf({ errorMessage, errorDisplayField }: ValidationRuleEntry): string {
  if (errorDisplayField == null) return `${CODE}:${errorMessage}:--`;
  return aboutField(CODE, errorMessage, { name: errorDisplayField });
}

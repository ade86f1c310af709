/** Validation rules of an org's folder. */
import { compileRule } from '../../formula/compile.js';
import { Unsupported } from '../../formula/unsupported.js';
import type { Env } from '../../formula/values.js';
import type { ValidationRuleEntry } from '../../org-folder/object-file.js';
import { RECORD_TYPE_FIELD } from '../fields.js';
import type { SObject } from '../fields.js';
import { aboutField } from '../row-errors.js';
import { recordTypeOf } from './record-types.js';
import type { Write } from './write.js';

interface ValidationRule {
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
        this.#rules.push({ error: errorOf(entry), isBroken: compileRule(entry.formula, object) });
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        this.unsupported.push({ name: entry.name, reason: error.message });
      }
    }
  }

  /** The error of the first broken rule. */
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
    return this.#rules.find(({ isBroken }) => isBroken(env))?.error;
  }
}

function errorOf({ errorMessage, errorDisplayField }: ValidationRuleEntry): string {
  const code = 'FIELD_CUSTOM_VALIDATION_EXCEPTION';
  if (errorDisplayField == null) return `${code}:${errorMessage}:--`;
  return aboutField(code, errorMessage, { name: errorDisplayField });
}

/**
 * `--fixes FILE`: the rules for changing rows that Salesforce refused. JSON; schemas/fixes.schema.json describes it.
 */
import type { RowFix } from '../../contract/corrections.js';
import { fixFindingText, validateFixes } from '../../domain/input/fix-rules.js';
import { NightloadError } from '../../errors.js';
import { readSettingsFile } from './local-files.js';

const MAX_TOLD = 5;

/**
 * A list of rules, or an object with the list as `fixes` and, for editors, `$schema`.
 * @throws NightloadError `FIXES_UNREADABLE`, `INVALID_FIXES`
 */
export function readFixes(path: string): RowFix[] {
  const fixes = rulesIn(parsed(path), path);
  const findings = validateFixes(fixes).map(fixFindingText);
  if (findings.length > 0) throw invalid(path, findings);
  return fixes as RowFix[];
}

function parsed(path: string): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readSettingsFile(path));
    return JSON.parse(text) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NightloadError(
      'FIXES_UNREADABLE',
      `The fix rules file ${path} cannot be read: ${why}. Expected: JSON in UTF-8, such as [{"code": "STRING_TOO_LONG", "do": "truncate"}].`,
      { cause: error },
    );
  }
}

function rulesIn(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { $schema: _schema, fixes, ...others } = value as Record<string, unknown>;
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw invalid(path, [`Unknown key "${unknown[0]}"; known keys: $schema, fixes.`]);
  return fixes;
}

function invalid(path: string, findings: readonly string[]): NightloadError {
  const told = findings.slice(0, MAX_TOLD);
  if (findings.length > told.length) told.push(`And ${findings.length - told.length} more.`);
  return new NightloadError('INVALID_FIXES', `The fix rules in ${path} cannot be used. ${told.join(' ')}`);
}

/** Lists what a folder contains and the simulated org does not do. Nothing is guessed instead. */
import type { OrgRules } from '../org/rules/org-rules.js';
import { RECORD_TYPE_FIELD } from '../org/fields.js';
import type { OrgFolder } from './read-org-folder.js';

export interface UnevaluatedRule {
  object: string;
  kind: 'validation rule' | 'duplicate rule' | 'assignment rule' | 'reference' | 'capture';
  name: string;
  reason: string;
}

/** Objects that every org has, in the folder or not. */
const ALWAYS = ['User', 'Group', 'Organization'];

export function unevaluatedRules({ objects, org }: OrgFolder, rules: OrgRules): UnevaluatedRule[] {
  const known = new Set([...ALWAYS, ...objects.map(({ object }) => object.name)]);
  return objects.flatMap(({ object: { name: object, fields }, file }) => {
    const { duplicateRules = [], assignmentRules = [] } = file;
    const unknown = fields
      .filter(
        ({ name, createable, updateable }) =>
          (name !== RECORD_TYPE_FIELD || file.recordTypes === undefined) && (createable || updateable),
      )
      .flatMap(({ name, referenceTo }) => referenceTo.filter((to) => !known.has(to)).map((to) => [name, to] as const));
    const { status, note = '' } = org.captured?.parts?.[object] ?? {};
    return [
      // What a capture could not read would be missed silently: the org has it.
      ...(status === 'partial' || status === 'missing'
        ? [{ object, kind: 'capture', name: status, reason: note } satisfies UnevaluatedRule]
        : []),
      ...rules
        .unsupported(object)
        .map(({ name, reason }): UnevaluatedRule => ({ object, kind: 'validation rule', name, reason })),
      ...duplicateRules.map((name): UnevaluatedRule => {
        return { object, kind: 'duplicate rule', name, reason: 'its matching rules are not part of the folder' };
      }),
      ...assignmentRules.map((name): UnevaluatedRule => {
        return { object, kind: 'assignment rule', name, reason: 'its criteria are not part of the folder' };
      }),
      ...unknown.map(([name, to]): UnevaluatedRule => {
        const reason = `${to} is not part of the folder: ids are accepted unchecked, its relationship columns are not found`;
        return { object, kind: 'reference', name, reason };
      }),
    ];
  });
}

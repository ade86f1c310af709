/** Whether the user may do the operation with the object at all. */
import type { Operation } from '../../contract/names.js';
import type { ObjectDescribe } from '../../salesforce/resources/describe.js';
import { sentence } from './findings.js';
import type { Finding } from './findings.js';

export function checkObject(
  describe: ObjectDescribe,
  operation: Operation,
): { errors: Finding[]; warnings: Finding[] } {
  const { name, createable, updateable, deletable } = describe;
  const finding = (text: string): Finding => ({
    code: 'OBJECT_OPERATION_NOT_ALLOWED',
    message: `${sentence(`the user may not ${text}`)} Ask an administrator for the permission, or use another connection.`,
  });
  const refused = (may: boolean, text: string): { errors: Finding[]; warnings: Finding[] } => ({
    errors: may ? [] : [finding(text)],
    warnings: [],
  });
  switch (operation) {
    case 'insert':
      return refused(createable, `create records of \`${name}\``);
    case 'update':
      return refused(updateable, `change records of \`${name}\``);
    case 'delete':
    case 'hardDelete':
      return refused(deletable, `delete records of \`${name}\``);
    case 'upsert': {
      if (createable === updateable) return refused(createable, `create or change records of \`${name}\``);
      const text = createable
        ? `change records of \`${name}\`, so rows whose record exists will fail`
        : `create records of \`${name}\`, so rows whose record does not exist will fail`;
      return { errors: [], warnings: [finding(text)] };
    }
  }
}

/** Record types: which ids are valid, and which picklist values each of them has. */
import { aboutField } from '../row-errors.js';
import { RECORD_TYPE_FIELD } from '../fields.js';
import type { Field, RecordType, SObject } from '../fields.js';
import { refuseChoice } from '../values.js';
import type { Write } from './write.js';

/** The type of records without another, in every org. */
const MASTER = '012000000000000';

export function recordTypeOf({ recordTypes = [] }: SObject, id: string | undefined): RecordType | undefined {
  const short = id?.slice(0, 15);
  return recordTypes.find(({ recordTypeId }) => recordTypeId.slice(0, 15) === short);
}

/** Why a write does not fit the record type of its record, if so. */
export function refuseByRecordType(write: Write): string | undefined {
  const { object } = write.table;
  if ((object.recordTypes ?? []).length === 0) return undefined;
  const type = recordTypeOf(object, write.after(RECORD_TYPE_FIELD));
  const written = write.written(RECORD_TYPE_FIELD);
  if (written !== undefined && !written.startsWith(MASTER) && type?.active !== true) {
    const message = `Record Type ID: this ID value isn't valid for the user: ${written}`;
    return aboutField('INVALID_CROSS_REFERENCE_KEY', message, { name: RECORD_TYPE_FIELD });
  }
  if (type === undefined || type.picklistValues.size === 0) return undefined;
  for (const [field, value] of write.changed) {
    const refused = value === undefined ? undefined : refuseValueOfType(type, field, value);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Picklists that are not restricted accept any value. */
function refuseValueOfType(type: RecordType, field: Field, value: string): string | undefined {
  const values = type.picklistValues.get(field.name.toLowerCase());
  if (values === undefined || !field.restrictedPicklist) return undefined;
  return refuseChoice(field, value, (one) => values.has(one));
}

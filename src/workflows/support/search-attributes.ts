/** Makes a load findable in the Temporal UI: search attributes. For its details page see details.ts. */
import { defineSearchAttributeKey } from '@temporalio/common';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { SEARCH_ATTRIBUTES } from '../../contract/names.js';
import type { SearchAttributeName } from '../../contract/names.js';

type AttributeValues = Partial<Record<SearchAttributeName, string | number | string[]>>;

/** Sets the attributes that the namespace knows: an unknown one would make the workflow task fail forever. */
export function markSearchAttributes(known: readonly SearchAttributeName[], values: AttributeValues): void {
  const pairs: SearchAttributeUpdatePair[] = [];
  for (const name of known) {
    if (!Object.hasOwn(SEARCH_ATTRIBUTES, name)) continue;
    const value = values[name];
    if (value === undefined) continue;
    const type = SEARCH_ATTRIBUTES[name];
    // The server would refuse the whole task, again and again.
    if (type === 'INT') {
      if (Number.isSafeInteger(value))
        pairs.push({ key: defineSearchAttributeKey(name, type), value: value as number });
    } else if (type === 'KEYWORD_LIST') {
      pairs.push({ key: defineSearchAttributeKey(name, type), value: (value as string[]).slice(0, 50) });
    } else pairs.push({ key: defineSearchAttributeKey(name, type), value: value as string });
  }
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}

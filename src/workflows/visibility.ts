/** What makes a load findable in the Temporal UI: search attributes. What it reads there is in words.ts. */
import { defineSearchAttributeKey } from '@temporalio/common';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { SEARCH_ATTRIBUTES } from '../contract.js';
import type { SearchAttributeName } from '../contract.js';

type AttributeValues = Partial<Record<SearchAttributeName, string | number | string[]>>;

/** Sets those attributes that the namespace knows: an unknown one would make the workflow task fail for ever. */
export function markSearchAttributes(known: readonly SearchAttributeName[], values: AttributeValues): void {
  const pairs: SearchAttributeUpdatePair[] = [];
  for (const name of known) {
    const value = values[name];
    if (value === undefined) continue;
    const type = SEARCH_ATTRIBUTES[name];
    if (type === 'INT') pairs.push({ key: defineSearchAttributeKey(name, type), value: value as number });
    else if (type === 'KEYWORD_LIST') {
      pairs.push({ key: defineSearchAttributeKey(name, type), value: (value as string[]).slice(0, 50) });
    } else pairs.push({ key: defineSearchAttributeKey(name, type), value: value as string });
  }
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}

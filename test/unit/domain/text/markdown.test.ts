/** External names on a page of the Temporal UI: text, and never a link, HTML or a heading. */
import { describe, expect, it } from 'vitest';
import { code, plain } from '../../../../src/domain/text/markdown.js';
import { loadDetails } from '../../../../src/workflows/load/details.js';
import { loadIntroduction, loadSummary } from '../../../../src/domain/text/load-summary.js';
import { emptyState } from '../../../../src/workflows/load/load-state.js';

describe('a text', () => {
  it.each([
    ['<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    ['[x](javascript:alert(1))', String.raw`\[x\](javascript:alert(1))`],
    ['![x](http://x/y)', String.raw`\!\[x\](http://x/y)`],
    ['a\n# heading\r\n| table', String.raw`a # heading \| table`],
    ['**bold** _it_ My_Obj__c', String.raw`\*\*bold\*\* \_it\_ My_Obj__c`],
    ['a\u202eb\u0007', 'a b '],
    ['&lt;', '&amp;lt;'],
  ])('%j is shown unchanged', (text, escaped) => expect(plain(text)).toBe(escaped));

  it.each([
    ['a.csv', '`a.csv`'],
    ['a`b``c', '``` a`b``c ```'],
    ['`<b>`\nx', '`` `<b>` x ``'],
  ])('%j is shown as code', (text, shown) => expect(code(text)).toBe(shown));
});

it('of a load contains no external lines or tags', () => {
  const evil = 'x`\n\n# [y](javascript:1)<script>`';
  const input = {
    source: `file:///${evil}.csv`,
    object: evil,
    operation: 'upsert',
    connection: evil,
    externalIdFieldName: evil,
  } as const;
  const state = { ...emptyState(), error: { code: 'X', message: evil } };
  const live = { paused: false, running: new Map(), waitingFor: evil };
  for (const page of [loadIntroduction(input), loadDetails({ input, state, live })]) {
    expect(page).not.toMatch(/^#? ?# \[y/m);
    // Outside of code, the characters of a tag are entities.
    const outside = page.replace(/(`+)[^\n]*?[^`]\1(?!`)/g, '');
    expect(outside).not.toMatch(/<script|[^\\]\[y[^\\]\]/);
  }
  expect(loadSummary(input)).not.toMatch(/<script|\n/);
});

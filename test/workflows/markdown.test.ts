/** What others named, on a page of the Temporal UI: text, and never a link, HTML or a heading. */
import { describe, expect, it } from 'vitest';
import { code, plain } from '../../src/workflows/markdown.js';
import { loadDetails, loadIntroduction, loadSummary } from '../../src/workflows/words.js';
import { newLoad } from '../../src/workflows/load-run.js';

describe('a text', () => {
  it.each([
    ['<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    ['[x](javascript:alert(1))', String.raw`\[x\](javascript:alert(1))`],
    ['![x](http://x/y)', String.raw`\!\[x\](http://x/y)`],
    ['a\n# heading\r\n| table', String.raw`a # heading \| table`],
    ['**bold** _it_ My_Obj__c', String.raw`\*\*bold\*\* \_it\_ My_Obj__c`],
    ['a\u202eb\u0007', 'a b '],
    ['&lt;', '&amp;lt;'],
  ])('%j is shown as it is', (text, escaped) => expect(plain(text)).toBe(escaped));

  it.each([
    ['a.csv', '`a.csv`'],
    ['a`b``c', '``` a`b``c ```'],
    ['`<b>`\nx', '`` `<b>` x ``'],
  ])('%j is code', (text, shown) => expect(code(text)).toBe(shown));
});

it('of a load has no line and no tag of others', () => {
  const evil = 'x`\n\n# [y](javascript:1)<script>`';
  const input = {
    source: `file:///${evil}.csv`,
    object: evil,
    operation: 'upsert',
    connection: evil,
    externalIdFieldName: evil,
  } as const;
  const run = { ...newLoad(), error: { code: 'X', message: evil } };
  const view = { paused: false, running: new Map(), waitingFor: evil };
  for (const page of [loadIntroduction(input), loadDetails(input, run, view)]) {
    expect(page).not.toMatch(/^#? ?# \[y/m);
    // Outside of code a tag has its signs as entities.
    const outside = page.replace(/(`+)[^\n]*?[^`]\1(?!`)/g, '');
    expect(outside).not.toMatch(/<script|[^\\]\[y[^\\]\]/);
  }
  expect(loadSummary(input)).not.toMatch(/<script|\n/);
});

/** Every value in a template is text. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { escaped, foreign, html } from '../../../src/pages/html.js';
import { page, table } from '../../../src/pages/layout.js';

it('escapes what would be markup, in elements and in attributes', () => {
  const text = `<script a="1" b='2'>&amp;\`</script>`;
  expect(html`<p title="${text}">${text}</p>`.text).toBe(
    `<p title="&lt;script a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&#96;&lt;/script&gt;">&lt;script a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&#96;&lt;/script&gt;</p>`,
  );
});

it('keeps markup of other templates, and lists of them', () => {
  const items = ['<', 2].map((one) => html`<li>${one}</li>`);
  expect(html`<b>${items}${undefined}</b>`.text).toBe('<b><li>&lt;</li><li>2</li></b>');
});

it('writes out characters that nobody sees', () => {
  expect(escaped('a\u202eb\u0000\u200bc\ud800')).toBe('a&lt;U+202E&gt;b&lt;U+0000&gt;&lt;U+200B&gt;c\ufffd');
  expect(foreign('one\r\ntwo').text).toBe('<bdi>one⏎two</bdi>');
});

it('an object that looks like markup is text', () => {
  const forged = { text: '<b>' } as unknown as string;
  expect(html`${forged}`.text).toBe('[object Object]');
});

it('no text adds a tag, an attribute or a comment', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('<', '>', '"', "'", '`', '&', '=', ' ', '/', '-', '!', 'x', '\u202e', '\ud800'),
      }),
      (text) => {
        const made = html`<p title="${text}">${foreign(text)}</p>`.text;
        expect(made.match(/</g)).toHaveLength(4);
        expect(made.match(/"/g)).toHaveLength(2);
        expect(made).not.toMatch(/[\u202e\ud800]/);
      },
    ),
  );
});

it('a page has a policy that forbids everything but its own style', () => {
  const made = page('a <b>', table([{ title: '<i>', number: true }], [['<u>']]));
  expect(made).toContain('<title>a &lt;b&gt;</title>');
  const policy = /<meta\s+http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(made)?.[1];
  expect(policy).toMatch(
    /^default-src &#39;none&#39;; style-src &#39;sha256-[\w+/]{43}=&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;$/,
  );
  expect(made.match(/<style>/g)).toHaveLength(1);
  expect(made).not.toMatch(/<script|javascript:|https?:|<[^>]+ (?:on\w+|style|src)=/i);
});

/**
 * The frame of a self-contained page: one file without a script, which loads nothing. Its content security policy
 * permits only the style sheet in it, by its hash, so that markup that slipped through would do nothing.
 */
import { createHash } from 'node:crypto';
import { html } from './html.js';
import type { Content } from './html.js';
import { STYLE } from './style.js';

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** @returns the file's text */
export function page(title: string, body: Content): string {
  const head = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
      </head>
    </html>`;
  // The style is ours and has no markup; escaping would change its hash.
  const rest = html`</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
  return `${head.text}\n<style>${STYLE}</style>\n${rest.text}`;
}

export interface Column {
  title: Content;
  /** Numbers are right-aligned. */
  number?: boolean;
}

/** A table that scrolls by itself on a narrow screen. */
export function table(columns: readonly Column[], rows: readonly (readonly Content[])[]): Content {
  const cell = (at: number): string => (columns[at]?.number === true ? 'n' : '');
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${columns.map(({ title }, at) => html`<th scope="col" class="${cell(at)}">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((value, at) => html`<td class="${cell(at)}">${value}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Names and values, next to each other. */
export function facts(entries: readonly (readonly [name: string, value: Content])[]): Content {
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

export function section(title: Content, body: Content): Content {
  return html`<section>
    <h2>${title}</h2>
    ${body}
  </section> `;
}

/** A command to copy. */
export function command(text: string): Content {
  return html`<pre><code>${text}</code></pre>`;
}

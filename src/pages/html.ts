/**
 * HTML from templates: every value in a template is text and is escaped, unless it is HTML from another template. So
 * there is no way to put a cell of a row into a page as markup. Pure.
 */
import { printable } from '../domain/text/plain-text.js';
import { wholeText } from '../domain/text/shown.js';

/** Markup. Only {@link html} makes it. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Html = Markup;
export type Content = Html | string | number | undefined | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** A text for an element or a quoted attribute. Characters that nobody sees are written out, as `<U+202E>`. */
export function escaped(text: string): string {
  // Halves of characters have no UTF-8.
  return wholeText(printable(text), Infinity).replace(/[&<>"'`]/g, (sign) => ENTITIES[sign] as string);
}

/** The tag of templates: `` html`<p>${text}</p>` ``. Attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Markup(parts.reduce((made, part, at) => made + (at === 0 ? '' : written(values[at - 1])) + part, ''));
}

function written(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map((one: Content) => written(one)).join('');
  return escaped(String(value as string | number));
}

/** A text of a row, or of another program: its direction does not spread to what surrounds it. */
export function foreign(text: string): Html {
  return html`<bdi>${text.replace(/\r\n|[\r\n]/g, '⏎')}</bdi>`;
}

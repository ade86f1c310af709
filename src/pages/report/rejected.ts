/** Rejected rows by cause: how many, a few of them, and what would make them land. */
import { printableJson } from '../../domain/text/plain-text.js';
import { count, rows } from '../../domain/text/format.js';
import type { Sample, SampleCell, SampledCause } from '../../rows/causes/rejected-causes.js';
import { foreign, html } from '../html.js';
import type { Content } from '../html.js';
import { command, section, table } from '../layout.js';
import { percent } from './view.js';
import type { ReportView } from './view.js';

/** Values of a picklist; the rule in "Next steps" has all that were counted. */
const MAX_VALUES = 10;

export function rejectedByCause({ result, causes }: ReportView): Content {
  const { rejected } = result.records;
  const { rejectedOther } = result.figures;
  if (rejected === 0) return '';
  const other =
    rejectedOther > 0
      ? html`<p class="dim">${rows(rejectedOther)} of further causes are in the rejected file.</p>`
      : '';
  const none = causes.length === 0 ? html`<p class="dim">See the rejected file for the reasons.</p>` : '';
  return section('Rejected rows by cause', [causes.map((one) => causeBlock(one, rejected)), other, none]);
}

function causeBlock({ cause, samples, values }: SampledCause, rejected: number): Content {
  const { code, fields, message, cure } = cause;
  const named = fields.map((field, at) => [at === 0 ? '' : ', ', html`<code>${field}</code>`]);
  return html`<h3>
      ${foreign(code)}${fields.length === 0 ? '' : [' · ', named]} — ${rows(cause.rows)}
      <span class="dim">(${percent(cause.rows, rejected)} of the rejected)</span>
    </h3>
    <p>${message === '' ? html`<span class="dim">no message</span>` : foreign(message)}</p>
    <p><strong>Cure</strong> for up to ${rows(cure.rows)}: ${withCode(cure.text)}</p>
    ${cure.rule === undefined ? '' : command(printableJson(JSON.stringify(cure.rule)))}
    ${
      values.length === 0
        ? ''
        : table(
            [{ title: 'Wrong value' }, { title: 'Rows', number: true }],
            values.slice(0, MAX_VALUES).map(({ value, rows: number }) => [foreign(value), count(number)]),
          )
    }
    ${
      values.length <= MAX_VALUES
        ? ''
        : html`<p class="dim">
            The ${MAX_VALUES} most frequent of ${count(values.length)} values; the rule has them all.
          </p>`
    }
    ${sampleTable(samples, message)}`;
}

/** All samples of a cause have the same columns. */
function sampleTable(samples: readonly Sample[], template: string): Content {
  const [first] = samples;
  if (first === undefined) return '';
  // Above the table is the message without values: often there are none.
  const differ = samples.some(({ message }) => message !== template);
  return table(
    [...first.cells.map(({ column }) => ({ title: foreign(column) })), ...(differ ? [{ title: 'Message' }] : [])],
    samples.map(({ cells, message }) => [
      ...cells.map((cell) => shownCell(cell)),
      ...(differ ? [foreign(message)] : []),
    ]),
  );
}

function shownCell({ text, characters }: SampleCell): Content {
  const cut = characters === undefined ? '' : html`<span class="dim">… (${count(characters)} characters)</span>`;
  return [foreign(text), cut];
}

/** Our own sentences have names and options between backticks. */
export function withCode(text: string): Content {
  return text.split('`').map((piece, at) => (at % 2 === 1 ? html`<code>${piece}</code>` : piece));
}

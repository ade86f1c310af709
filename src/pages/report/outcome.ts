/** The first screen of a report: how the load ended, and whether its counts balance. */
import type { LoadFigures } from '../../contract/load-figures.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { workflowIdOf } from '../../domain/load-ids.js';
import { count, rows } from '../../domain/text/format.js';
import { foreign, html } from '../html.js';
import type { Content } from '../html.js';
import { facts, section, table } from '../layout.js';
import { duration, msBetween, percent, stamp } from './view.js';
import type { ReportView } from './view.js';

const WIDTH = 1_000;

export function outcome(view: ReportView): Content {
  const { result, source, connection, schedule, uiUrl } = view;
  const { figures, state, loadId, object, operation, workflowId, error } = result;
  const isGood = state === 'Completed';
  const tone = isGood ? 'good' : state === 'CompletedWithRejects' ? 'warn' : 'bad';
  return html`<header>
      <h1>${operation} ${foreign(object)}</h1>
      <p><span class="state ${tone}">${state}</span> · ${sentence(result)}</p>
      <p class="dim">
        Load ${foreign(loadId)}, from
        ${foreign(source)}${workflowId === workflowIdOf(loadId) ? '' : html` · workflow ${foreign(workflowId)}`}
      </p>
    </header>
    ${
      error &&
      html`<div class="error">
        <strong>${foreign(error.code)}</strong><br />${foreign(error.message)}${
          error.detail === undefined ? '' : html`<br /><span class="dim">${foreign(error.detail)}</span>`
        }
      </div>`
    }
    ${facts([
      ['Connection', foreign(connection)],
      ...(schedule === undefined ? [] : [['Schedule', foreign(schedule)] as const]),
      ['Began', stamp(figures.startedAt)],
      ['Ended', stamp(figures.endedAt)],
      ...finishFact(figures),
      ['Took', duration(msBetween(figures.startedAt, figures.endedAt))],
      ...(uiUrl === undefined ? [] : [['Temporal', html`<a href="${uiUrl}" rel="noreferrer">workflow</a>`] as const]),
    ])}`;
}

function finishFact({ finishBy, endedAt }: LoadFigures): (readonly [string, Content])[] {
  if (finishBy === undefined) return [];
  const late = Date.parse(endedAt) > Date.parse(finishBy);
  const words = late
    ? `${duration(msBetween(finishBy, endedAt))} late`
    : `${duration(msBetween(endedAt, finishBy))} left`;
  return [['Should end by', html`${stamp(finishBy)} <span class="${late ? 'bad' : 'good'}">(${words})</span>`]];
}

function sentence({ state, records, error }: BulkLoadResult): string {
  const { total, succeeded } = records;
  const landed = total === 0 ? 'no row was sent' : `${count(succeeded)} of ${rows(total)} landed`;
  switch (state) {
    case 'Completed':
      return total === 0 ? 'the file has no rows' : total === 1 ? 'the row landed' : `all ${rows(total)} landed`;
    case 'CompletedWithRejects':
      return `${landed}; ${rows(total - succeeded)} ${total - succeeded === 1 ? 'needs' : 'need'} a person`;
    case 'Failed':
      return `${landed}; ${error === undefined ? 'the load failed' : 'the reason is below'}`;
    case 'Canceled':
      return `${landed} before it was canceled`;
  }
}

export function counts({ result }: ReportView): Content {
  const { records, retry, balanced } = result;
  const { total, succeeded, rejected, unprocessed, unaccounted } = records;
  if (total === 0) return '';
  const line = (name: string, number: number): Content[] => [name, count(Math.abs(number)), percent(number, total)];
  const sum = `${count(succeeded)} + ${count(rejected)} + ${count(unprocessed)}`;
  return section(
    'Rows',
    html`${bar(total, [
        ['s-good', succeeded],
        ['s-bad', rejected],
        ['s-rest', Math.max(0, total - succeeded - rejected)],
      ])}
      ${table(
        [{ title: 'Outcome' }, { title: 'Rows', number: true }, { title: 'Share', number: true }],
        [
          line('Succeeded', succeeded),
          ...(retry.recovered > 0 ? [line('– of these recovered by retries', retry.recovered)] : []),
          line('Rejected', rejected),
          line('Unprocessed', unprocessed),
          ...(unaccounted === 0
            ? []
            : [line(unaccounted > 0 ? 'In no result file' : 'Twice in result files', unaccounted)]),
          line('In the source', total),
        ],
      )}
      <p class="${balanced ? 'good' : 'bad'}">
        ${
          balanced
            ? `Balances: ${sum} = ${count(total)}, counted from the result files.`
            : `Does not balance: ${sum}${unaccounted === 0 ? ' disagrees with the counters of the jobs' : ` is not ${count(total)}`}.`
        }
      </p>`,
  );
}

function bar(total: number, parts: readonly (readonly [tone: string, rows: number])[]): Content {
  let at = 0;
  const pieces = parts.map(([tone, number]) => {
    const width = (WIDTH * Math.max(0, number)) / Math.max(1, total);
    at += width;
    return html`<rect class="${tone}" x="${(at - width).toFixed(2)}" y="0" width="${width.toFixed(2)}" height="10" />`;
  });
  return html`<svg viewBox="0 0 ${WIDTH} 10" height="14" preserveAspectRatio="none" aria-hidden="true">${pieces}</svg>`;
}

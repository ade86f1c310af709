/** How fast the load was, what it used, and what passes, rules and warnings there were. */
import { count, rows } from '../../domain/text/format.js';
import { foreign, html } from '../html.js';
import type { Content } from '../html.js';
import { facts, section, table } from '../layout.js';
import { duration, msBetween, percent, rounded, stamp } from './view.js';
import type { ReportView } from './view.js';

const MAX_DETAILS = 20;
const MAX_DETAIL = 500;
const MAX_SOURCES = 20;

export function throughput({ result }: ReportView): Content {
  const { figures, jobs = [], records } = result;
  const times = jobs.flatMap((job) => job.times ?? []);
  if (times.length === 0) return '';
  const total = msBetween(figures.startedAt, figures.endedAt);
  const first = Math.min(...times.map(({ created }) => created));
  const last = Math.max(...times.map(({ created, ended, counted }) => counted ?? ended ?? created));
  const loading = last - first;
  const spent = (from: 'created' | 'closed' | 'ended', to: 'closed' | 'ended' | 'counted'): number =>
    times.reduce((sum, one) => sum + Math.max(0, (one[to] ?? NaN) - (one[from] ?? NaN) || 0), 0);
  const perSecond = (ms: number): string => (ms > 0 ? `${rounded((1_000 * records.succeeded) / ms)} rows/s` : '–');
  return section(
    'Throughput',
    facts([
      ['Landed, over the whole load', perSecond(total)],
      ['Landed, from first to last job', perSecond(loading)],
      ['From first to last job', duration(loading)],
      ['Sending rows, all jobs', duration(spent('created', 'closed'))],
      ['Salesforce working, all jobs', duration(spent('closed', 'ended'))],
      ['Fetching results, all jobs', duration(spent('ended', 'counted'))],
    ]),
  );
}

export function usage({ result, allocation }: ReportView): Content {
  const { figures, apiRequests, jobsTotal } = result;
  const { batchesPerWindow, recordsPerWindow } = allocation;
  return section(
    'API and allocation used',
    facts([
      ['API requests', count(apiRequests)],
      ['Jobs', count(jobsTotal)],
      [
        'Batches',
        `${count(figures.batches)} (${percent(figures.batches, batchesPerWindow)} of ${count(batchesPerWindow)} a day)`,
      ],
      [
        'Rows sent',
        `${count(figures.sent)} (${percent(figures.sent, recordsPerWindow)} of ${count(recordsPerWindow)} a day)`,
      ],
      [
        'Failures by record locks',
        `${count(figures.locked)} (${percent(figures.locked, figures.sent)} of the rows sent)`,
      ],
    ]),
  );
}

export function passes({ result }: ReportView): Content {
  const { figures, retry } = result;
  if (figures.passes.length < 2 && retry.recovered === 0) return '';
  const re =
    retry.rerendered > 0 ? ` ${rows(retry.rerendered)} of them were sent as Salesforce had returned them.` : '';
  return section(
    'What retries recovered',
    html`<p>
        ${rows(retry.recovered)} that had failed, or had not been processed, landed in ${count(retry.rounds)}
        ${retry.rounds === 1 ? 'round' : 'rounds'}.${re}
      </p>
      ${table(
        [
          { title: 'Pass' },
          ...['Jobs', 'Rows sent', 'Landed', 'Failed', 'Unprocessed'].map((title) => ({ title, number: true })),
        ],
        figures.passes.map(({ name, jobs, sent, succeeded, failed, unprocessed }) => [
          foreign(name.replaceAll('-', ' ')),
          ...[jobs, sent, succeeded, failed, unprocessed].map((number) => count(number)),
        ]),
      )}`,
  );
}

export function changes({ result }: ReportView): Content {
  const { changedBy } = result.figures;
  if (changedBy.length === 0) return '';
  return section(
    'Changes by rules',
    html`${table(
        [{ title: 'Rule' }, { title: 'Values changed', number: true }],
        changedBy.map(({ rule, values }) => [foreign(rule), count(values)]),
      )}
      <p class="dim">Each value before and after is in changes.csv.</p>`,
  );
}

export function warnings({ result }: ReportView): Content {
  const { warnings: said = [], openJobs = [], details = [] } = result;
  const open =
    openJobs.length === 0
      ? []
      : [`Open jobs that may belong to this load: ${openJobs.join(', ')}. Check them in Setup > Bulk Data Load Jobs.`];
  const lines = [...said, ...open];
  if (lines.length + details.length === 0) return '';
  const more = details.length - MAX_DETAILS;
  return section(
    'Warnings',
    html`${
      lines.length === 0
        ? ''
        : html`<ul>
            ${lines.map((line) => html`<li>${foreign(line)}</li>`)}
          </ul>`
    }
    ${
      details.length === 0
        ? ''
        : html`<h3>Messages from other systems, also about errors that were overcome</h3>
            ${table(
              [{ title: 'When' }, { title: 'Code' }, { title: 'Message' }],
              details
                .slice(0, MAX_DETAILS)
                .map(({ at, code, text }) => [stamp(at), foreign(code), foreign(text.slice(0, MAX_DETAIL))]),
            )}${more > 0 ? html`<p class="dim">${count(more)} more are in report.json.</p>` : ''}`
    }`,
  );
}

export function sources({ result }: ReportView): Content {
  const { sources: found = [] } = result;
  if (found.length === 0) return '';
  const more = found.length - MAX_SOURCES;
  return section(
    'Files of the source',
    html`${table(
      [{ title: 'File' }, { title: 'Rows', number: true }],
      found.slice(0, MAX_SOURCES).map(({ uri, rows: number }) => [foreign(uri), count(number)]),
    )}${more > 0 ? html`<p class="dim">${count(more)} more are in report.json.</p>` : ''}`,
  );
}

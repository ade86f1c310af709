/** `report.html`: one load as a page for people. */
import { html } from '../html.js';
import { page } from '../layout.js';
import { messages } from './messages.js';
import { nextSteps } from './next-steps.js';
import { counts, outcome } from './outcome.js';
import { rejectedByCause } from './rejected.js';
import { timeline } from './timeline.js';
import { changes, passes, sources, throughput, usage, warnings } from './usage.js';
import type { ReportView } from './view.js';

export function reportPage(view: ReportView): string {
  const { loadId, object, state } = view.result;
  return page(
    `${state}: ${object}, ${loadId}`,
    html`${outcome(view)} ${counts(view)} ${nextSteps(view)} ${messages([])} ${rejectedByCause(view)} ${warnings(view)}
      ${timeline(view)} ${throughput(view)} ${usage(view)} ${passes(view)} ${changes(view)} ${sources(view)}
      <footer>
        <p class="dim">
          Written by nightload. This page shows some values of rejected rows: keep it as private as the rejected file.
          All jobs and files are in <a href="report.json">report.json</a>.
        </p>
      </footer>`,
  );
}

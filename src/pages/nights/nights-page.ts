/** `nights.html`: the last loads side by side, with what is unusual marked. */
import type { ComparedLoad, LoadGroup, Measure } from '../../domain/history/deviations.js';
import { measureText } from '../../domain/history/measure-text.js';
import { foreign, html } from '../html.js';
import type { Content } from '../html.js';
import { page, section, table } from '../layout.js';

const TITLES: Record<Measure, string> = {
  rows: 'Rows',
  minutes: 'Minutes',
  rejected: 'Rejected',
  lockShare: 'Locks',
  batches: 'Batches',
  apiRequests: 'API requests',
};
const MEASURES = Object.keys(TITLES) as Measure[];
/** Drawn above the table. */
const DRAWN: readonly Measure[] = ['rows', 'minutes', 'rejected'];

export function nightsPage(groups: readonly LoadGroup[]): string {
  return page(
    'Nights',
    html`<header>
        <h1>Nights</h1>
        <p class="dim">
          The last loads, newest first. <span class="mark">↑ ↓</span> far above or below what is usual: the median of
          the loads of one schedule, connection, object and operation.
        </p>
      </header>
      ${groups.map((group) => groupSection(group))}
      <footer><p class="dim">Written by nightload from its index of past loads.</p></footer>`,
  );
}

function groupSection({ schedule, connection, object, operation, loads, usual }: LoadGroup): Content {
  const title = html`${operation}
  ${foreign(object)}${schedule === undefined ? '' : html`, schedule ${foreign(schedule)}`}${
    connection === 'default' ? '' : html`, connection ${foreign(connection)}`
  }`;
  const median = usual && [
    html`<span class="dim">usual</span>`,
    '',
    ...MEASURES.map((measure) => html`<span class="dim">${measureText(measure, usual[measure])}</span>`),
    '',
  ];
  return section(
    title,
    html`<div class="lanes">
        ${DRAWN.map(
          (measure) =>
            html`<div>${TITLES[measure]}</div>
              ${bars(loads, measure)} `,
        )}
        <div></div>
        <div class="axis"><span>${day(loads.at(-1))}</span><span>${day(loads[0])}</span></div>
      </div>
      ${table(
        [
          { title: 'Ended (UTC)' },
          { title: 'State' },
          ...MEASURES.map((measure) => ({ title: TITLES[measure], number: true })),
          { title: 'Load' },
        ],
        [...loads.map((load) => row(load)), ...(median === undefined ? [] : [median])],
      )}
      ${usual === undefined ? html`<p class="dim">Too few good loads to say what is usual: at least five are needed.</p>` : ''}`,
  );
}

function row(load: ComparedLoad): Content[] {
  const { entry, deviates } = load;
  const { endedAt, state, error, loadId } = entry;
  const tone = state === 'Completed' ? 'good' : state === 'CompletedWithRejects' ? 'warn' : 'bad';
  return [
    endedAt.slice(0, 16).replace('T', ' '),
    html`<span class="${tone}">${state}</span>${error === undefined ? '' : html` ${foreign(error)}`}`,
    ...MEASURES.map((measure) => {
      const text = measureText(measure, load[measure]);
      const found = deviates[measure];
      return found === undefined ? text : html`<span class="mark">${text} ${found === 'high' ? '↑' : '↓'}</span>`;
    }),
    foreign(loadId),
  ];
}

function day(load: ComparedLoad | undefined): string {
  return load?.entry.endedAt.slice(0, 10) ?? '';
}

/** Oldest left. */
function bars(loads: readonly ComparedLoad[], measure: Measure): Content {
  const most = Math.max(...loads.map((load) => load[measure]), Number.MIN_VALUE);
  const step = 1_000 / loads.length;
  const drawn = [...loads].reverse().map((load, at) => {
    const height = (40 * load[measure]) / most;
    const tone = load.deviates[measure] === undefined ? 'work' : 's-bad';
    return html`<rect
      class="${tone}"
      x="${(at * step).toFixed(1)}"
      y="${(40 - height).toFixed(1)}"
      width="${(0.8 * step).toFixed(1)}"
      height="${height.toFixed(1)}"
    />`;
  });
  return html`<svg
    class="tall"
    viewBox="0 0 1000 40"
    preserveAspectRatio="none"
    role="img"
    aria-label="${TITLES[measure]} of each load, oldest left"
  >
    ${drawn}
  </svg>`;
}

/** The view of a report whose every text from outside is hostile. */
import { writeCells } from '../../src/csv/cells.js';
import type { ReportView } from '../../src/pages/report/view.js';
import { linkToWorkflow } from '../../src/activities/ui-links.js';
import { RejectedCauses } from '../../src/rows/causes/rejected-causes.js';

const START = Date.UTC(2026, 10, 30, 0, 30);
const at = (minutes: number): string => new Date(START + 60_000 * minutes).toISOString();

/** @param texts put wherever a text of others can be */
export function hostileView(texts: readonly string[]): ReportView {
  const causes = new RejectedCauses({ operation: 'upsert', key: 'Key__c' });
  const add = (...cells: string[]): void => causes.add(Buffer.from(writeCells(cells, ',', 'LF')));
  const all = texts.join(' ');
  add('sf__Id', 'sf__Error', 'Key__c', 'Name', 'Rating', ...texts);
  for (const text of texts) {
    add('', `FIELD_CUSTOM_VALIDATION_EXCEPTION:${text}:Name --`, text, text, text, ...texts);
    add(
      '',
      `INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:bad value for restricted picklist field: ${text}:Rating --`,
      'K',
      'N',
      text,
      ...texts,
    );
    add('', text, text, text.repeat(1_000_000 / text.length), text, ...texts);
  }
  const rejected = 3 * texts.length;
  const { causes: found, other } = causes.finish(20);
  const error = { code: all, message: all, detail: all };
  return {
    source: `/data/${all}.csv`,
    connection: all,
    schedule: all,
    externalIdFieldName: all,
    causes: found,
    places: { rejected: `/data/it's ${all}.csv`, unprocessed: `/data/${all}.csv`, output: `/data/${all}` },
    allocation: { recordsPerWindow: 150_000_000, batchesPerWindow: 15_000 },
    uiUrl: linkToWorkflow('https://ui.example/', all, { workflowId: all, runId: all }),
    result: {
      ...{ loadId: 'accounts', workflowId: `bulk-load/${all}`, runId: all, state: 'Failed', object: all },
      operation: 'upsert',
      records: { total: 1_000, succeeded: 900 - rejected, rejected, unprocessed: 90, unaccounted: 10 },
      balanced: false,
      retry: { rounds: 2, recovered: 30, rerendered: 5 },
      jobs: Array.from({ length: 60 }, (_, n) => ({
        ...{ id: `${all}${n}`, operation: 'upsert' as const, state: all, records: 100, failed: 2, polls: 3 },
        times: {
          asked: START + 60_000 * n,
          created: START + 60_000 * n + 20_000,
          closed: START + 60_000 * n + 40_000,
          ended: START + 60_000 * n + 90_000,
          counted: START + 60_000 * n + 110_000,
        },
      })),
      jobsTotal: 60,
      apiRequests: 400,
      files: { succeeded: [] },
      warnings: [...texts],
      openJobs: [...texts],
      details: texts.map((text) => ({ code: text, text, at: at(1), request: text })),
      sources: texts.map((uri) => ({ uri, rows: 1 })),
      error,
      figures: {
        ...{ startedAt: at(0), endedAt: at(70), sent: 6_000, batches: 60, locked: 30, rejectedOther: other },
        phases: [
          { phase: 'planning', at: at(0.2) },
          { phase: 'loading', at: at(0.4) },
          { phase: 'retrying', at: at(62) },
          { phase: 'reporting', at: at(69) },
        ],
        pauses: [{ from: at(20), to: at(25) }],
        passes: [
          { name: 'first', jobs: 50, sent: 5_000, succeeded: 800, failed: 100, unprocessed: 90 },
          { name: all, jobs: 10, sent: 1_000, succeeded: 30, failed: 70, unprocessed: 0 },
        ],
        rejectedBy: found.map(({ cause }) => cause),
        changedBy: texts.map((rule) => ({ rule, values: 1 })),
      },
    },
  };
}

/** Markup, attributes, schemes, entities, marks of direction, half characters, line ends. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<script>document.title="owned"</script>',
  '"><img src="ADDRESS/img" onerror="document.title=\'owned\'">',
  "' onmouseover='document.title=1' style='background:url(ADDRESS/css)' x='",
  '</style><style>body{background:url(ADDRESS/style)}</style>',
  '</title></head><link rel="stylesheet" href="ADDRESS/link"><iframe src="ADDRESS/frame"></iframe>',
  '<a href="javascript:document.title=1">click</a><base href="ADDRESS/">',
  '<meta http-equiv="refresh" content="0;url=ADDRESS/refresh"><form action="ADDRESS/form"><input autofocus onfocus=alert(1)>',
  '<svg onload="document.title=1"><foreignObject></svg>--><!--]]>',
  '&lt;script&gt; &amp; &#x3c;b&#x3e; `${1}`',
  '\u202eevil\u2066 \u200b\u0000\u001b[31m \ud800 \u2028 one\r\ntwo',
  "=cmd|' /C calc'!A0",
];

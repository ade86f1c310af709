/** The window for people: on the page of `orgAllocation`, as Markdown. Pure. */
import { count, time } from '../words.js';
import { clock, pastClock } from './forecast.js';
import type { OrgSummary } from './messages.js';
import type { Shares } from './summary.js';

/** Characters of a bar. */
const WIDTH = 40;

/** `██▓▓░░··`: used, granted, reserved, free. What is not nothing is seen. */
export function bar({ limit, used, granted, reserved }: Shares, width = WIDTH): string {
  let left = width;
  const piece = (amount: number, sign: string): string => {
    const share = amount <= 0 || limit <= 0 ? 0 : Math.max(1, Math.round((width * amount) / limit));
    const length = Math.min(left, share);
    left -= length;
    return sign.repeat(length);
  };
  const drawn = piece(used, '█') + piece(granted, '▓') + piece(reserved, '░');
  return drawn + '·'.repeat(left);
}

export function shareLine(kind: string, { limit, used, granted, reserved, free }: Shares): string {
  const kept = reserved > 0 ? `, ${count(reserved)} reserved` : '';
  return `${count(free)} of ${count(limit)} ${kind} free, ${count(used)} used, ${count(granted)} granted${kept}`;
}

/** When something is free again: the first few moments. */
export function freesLine({ frees, at }: OrgSummary, most = 3): string | undefined {
  if (frees.length === 0) return undefined;
  const shown = frees.slice(0, most).map((one) => {
    const what = one.records > 0 ? `${count(one.records)} records` : `${count(one.batches)} batches`;
    return `${what} at ${clock(one.at, at)}`;
  });
  const last = frees.at(-1);
  const rest = frees.length > most && last !== undefined ? `, all at ${clock(last.at, at)}` : '';
  return `frees ${shown.join(', ')}${rest}`;
}

export function windowDetails(summary: OrgSummary): string {
  const { at, org, windowMs, records, batches, jobs, jobsTotal, maxJobs, waiting, waitingTotal, refused } = summary;
  const frees = freesLine(summary);
  const more = (total: number, shown: number): string[] =>
    total > shown ? [`- and ${count(total - shown)} more`] : [];
  return [
    `### ${org}: the last ${time(windowMs)}, as of ${pastClock(at, 0)}`,
    '',
    '```',
    `records ${bar(records)}`,
    `batches ${bar(batches)}`,
    '```',
    `- **Records**: ${shareLine('records', records)}`,
    `- **Batches**: ${shareLine('batches', batches)}${batches.others > 0 ? `; ${count(batches.others)} of the used ones by the org's own account: other clients, or jobs that run` : ''}`,
    ...(frees === undefined ? [] : [`- **Next**: ${frees}`]),
    ...(refused === undefined
      ? []
      : [`- **Salesforce refused a job** (${refused.code}): nothing is granted before ${clock(refused.until, at)}`]),
    `- **Jobs**: ${jobsTotal} of at most ${maxJobs}; ${waitingTotal} waiting`,
    ...jobs.map(
      (job) =>
        `- runs: ${job.words} (\`${job.holder}\`), priority ${job.priority}, ${count(job.records)} records${job.warning === undefined ? '' : `. ${job.warning}`}`,
    ),
    ...more(jobsTotal, jobs.length),
    ...waiting.map((one) => `- waits: ${one.words} (\`${one.holder}\`), priority ${one.priority}: ${one.reason}`),
    ...more(waitingTotal, waiting.length),
  ].join('\n');
}

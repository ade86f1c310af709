/** The window for people: on the details page of `orgAllocation`, as Markdown. Pure. */
import { clock, count, pastClock, time } from './format.js';
import type { OrgSummary } from '../../protocol/messages/allocation-messages.js';
import type { Shares } from '../../protocol/messages/allocation-types.js';

/** Characters in a bar. */
const WIDTH = 40;

/** `██▓▓░░··`: used, granted, reserved, free. Nonzero amounts are always visible. */
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

/** When capacity becomes free again: the first few times. */
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
    `- **Batches**: ${shareLine('batches', batches)}${batches.others > 0 ? `; ${count(batches.others)} of the used ones by the org's own count: other clients, or running jobs` : ''}`,
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
